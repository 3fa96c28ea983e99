-- Index inbox_attempt_age, from the oldest; then the primary key.
DELETE FROM ensue.inbox_attempt
WHERE consumer = $1 AND event_id IN (
    SELECT event_id FROM ensue.inbox_attempt
    WHERE consumer = $1 AND changed_at_us <= (SELECT ensue.now_us()) - $2::bigint
    ORDER BY changed_at_us
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
