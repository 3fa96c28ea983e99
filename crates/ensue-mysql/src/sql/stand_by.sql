-- Primary key.
INSERT INTO ensue_standby (subscription, owner, until_us, length_us)
VALUES (?, ?, ensue_now_us() + ?, ?)
ON DUPLICATE KEY UPDATE until_us = VALUES(until_us), length_us = VALUES(length_us)
