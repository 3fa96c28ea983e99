-- Primary key.
INSERT INTO ensue_lease (subscription, until_us)
VALUES (?1, ?2)
ON CONFLICT DO UPDATE SET until_us = excluded.until_us
