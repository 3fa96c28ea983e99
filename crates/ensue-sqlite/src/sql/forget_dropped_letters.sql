-- Index ensue_dead_letter_dropped, from the oldest; then the primary key.
DELETE FROM main.ensue_dead_letter
WHERE consumer = $1 AND event_id IN (
    SELECT event_id FROM main.ensue_dead_letter
    WHERE consumer = $1 AND dropped_at_us <= ensue_now_us() - $2 AND dropped_at_us IS NOT NULL
    ORDER BY dropped_at_us
    LIMIT $3
)
