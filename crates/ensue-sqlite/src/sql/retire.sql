-- Primary key. Keeps the first reason.
INSERT INTO main.ensue_retired (subscription, reason, since_us)
VALUES ($1, $2, ensue_now_us())
ON CONFLICT DO NOTHING
