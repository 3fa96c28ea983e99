-- Primary key. Nobody else writes meanwhile.
SELECT
    event_id, message, iif(typeof(body) = 'text', body, NULL), iif(typeof(body) = 'blob', body, NULL),
    failure_class, failure_message, attempts, died_at_us
FROM main.ensue_dead_letter
WHERE consumer = $1 AND event_id = $2 AND dropped_at_us IS NULL
