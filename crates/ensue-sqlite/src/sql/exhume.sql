-- Primary key.
DELETE FROM ensue_dead_letter
WHERE consumer = ? AND event_id = ? AND dropped_at_us IS NULL
RETURNING event_id, message, body, failure_class, failure_message, attempts, died_at_us
