-- Primary key. Nothing is changed if it was there.
INSERT INTO main.ensue_event_type (subscription, event_type, since_us)
VALUES ($1, $2, ensue_now_us())
ON CONFLICT DO NOTHING
