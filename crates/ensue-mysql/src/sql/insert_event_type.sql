-- Primary key. Nothing is changed if it was there.
INSERT INTO ensue_event_type (subscription, event_type, since_us)
SELECT $1, $2, ensue_now_us() FROM DUAL
WHERE NOT EXISTS (SELECT 1 FROM ensue_event_type WHERE subscription = $1 AND event_type = $2)
