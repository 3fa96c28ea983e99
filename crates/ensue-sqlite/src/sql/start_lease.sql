-- Primary key.
INSERT INTO ensue_lease (subscription, until_us, length_us)
VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET until_us = excluded.until_us, length_us = excluded.length_us
