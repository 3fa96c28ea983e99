-- Primary keys.
INSERT INTO ensue.inbox_attempt AS attempt (consumer, event_id, attempts, changed_at_us)
SELECT $1, $2::text::uuid, 1, ensue.now_us()
WHERE NOT EXISTS (
    SELECT FROM ensue.inbox_receipt WHERE consumer = $1 AND event_id = $2::text::uuid
)
ON CONFLICT (consumer, event_id) DO UPDATE SET
    attempts = attempt.attempts + 1, changed_at_us = excluded.changed_at_us
