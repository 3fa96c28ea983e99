-- Primary key. Keeps the first reason.
INSERT INTO ensue.retired (subscription, reason, since_us)
VALUES ($1, $2, ensue.now_us())
ON CONFLICT DO NOTHING
