-- Primary key.
INSERT INTO ensue_standby (subscription, owner, until_us, length_us)
VALUES ($1, $2, ensue_now_us() + $3, $3)
ON DUPLICATE KEY UPDATE until_us = VALUES(until_us), length_us = VALUES(length_us)
