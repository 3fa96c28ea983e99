-- Primary key. The first reason counts.
INSERT INTO ensue.retired (subscription, reason, since_us)
VALUES ($1, $2, ensue.now_us())
ON CONFLICT DO NOTHING
