-- Primary key.
INSERT INTO ensue.event_type (subscription, event_type, since_us) VALUES ($1, $2, ensue.now_us())
ON CONFLICT DO NOTHING
