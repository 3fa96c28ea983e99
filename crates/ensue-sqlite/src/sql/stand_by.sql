-- Primary key.
INSERT INTO main.ensue_standby (subscription, owner, until_us, length_us)
VALUES ($1, $2, ensue_now_us() + $3, $3)
ON CONFLICT DO UPDATE SET until_us = excluded.until_us, length_us = excluded.length_us
