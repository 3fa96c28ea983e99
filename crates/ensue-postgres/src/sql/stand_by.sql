-- Primary key.
INSERT INTO ensue.standby (subscription, owner, until_us, length_us)
VALUES ($1, $2, ensue.now_us() + $3, $3)
ON CONFLICT (subscription, owner)
DO UPDATE SET until_us = excluded.until_us, length_us = excluded.length_us
