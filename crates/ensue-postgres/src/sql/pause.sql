-- Primary key. The last reason counts.
INSERT INTO ensue.pause (subscription, reason, since_us)
VALUES ($1, $2, ensue.now_us())
ON CONFLICT (subscription) DO UPDATE SET reason = excluded.reason
