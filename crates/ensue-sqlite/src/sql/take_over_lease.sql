-- Primary key. It is of the owner's epoch, $2.
INSERT INTO main.ensue_lease (subscription, until_us, length_us)
SELECT $1, ensue_now_us() + $3, $3 WHERE $2 > 0
ON CONFLICT DO UPDATE SET until_us = excluded.until_us, length_us = excluded.length_us
