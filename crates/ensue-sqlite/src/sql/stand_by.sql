-- Primary key.
INSERT INTO ensue_standby (subscription, owner, until_us, length_us)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET until_us = excluded.until_us, length_us = excluded.length_us
