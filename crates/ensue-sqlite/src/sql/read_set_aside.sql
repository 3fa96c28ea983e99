-- Primary key, a range of it.
SELECT
    position, key, state, attempts, next_attempt_at_us, failure_class, failure_message,
    is_replay
FROM main.ensue_set_aside
WHERE subscription = $1
ORDER BY position
