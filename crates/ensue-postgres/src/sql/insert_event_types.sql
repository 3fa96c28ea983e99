-- Primary key. In one order for everybody, so that nobody waits in a circle.
INSERT INTO ensue.event_type (subscription, event_type, since_us)
SELECT $1, event_type, ensue.now_us()
FROM unnest($2::text[]) AS event_type
ORDER BY event_type
ON CONFLICT DO NOTHING
