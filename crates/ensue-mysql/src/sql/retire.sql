-- Primary key. Keeps the first reason.
INSERT INTO ensue_retired (subscription, reason, since_us)
VALUES ($1, $2, ensue_now_us())
ON DUPLICATE KEY UPDATE reason = reason
