-- Index ensue_inbox_attempt_age, from the oldest; then the primary key.
DELETE FROM main.ensue_inbox_attempt
WHERE consumer = $1 AND event_id IN (
    SELECT event_id FROM main.ensue_inbox_attempt
    WHERE consumer = $1 AND changed_at_us <= ensue_now_us() - $2
    ORDER BY changed_at_us
    LIMIT $3
)
