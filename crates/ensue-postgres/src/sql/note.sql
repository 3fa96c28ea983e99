-- Primary key, any number of events. In one order for everybody, so that nobody waits in a circle.
INSERT INTO ensue.inbox_receipt (consumer, event_id, noted_at_us)
SELECT $1, event_id, now_us
FROM
    (SELECT ensue.now_us() AS now_us OFFSET 0) AS clock,
    unnest($2::text[]::uuid[]) AS event_id
ORDER BY event_id
ON CONFLICT DO NOTHING
RETURNING event_id::text
