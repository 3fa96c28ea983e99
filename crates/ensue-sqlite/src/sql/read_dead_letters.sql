-- Primary key, from where it is read on. No id comes before the empty text.
SELECT event_id, message, body, failure_class, failure_message, attempts, died_at_us
FROM ensue_dead_letter
WHERE consumer = ? AND event_id > ? AND dropped_at_us IS NULL
ORDER BY event_id
LIMIT ?
