-- Primary key.
UPDATE main.ensue_dead_letter SET dropped_at_us = ensue_now_us(), dropped_reason = $3
WHERE consumer = $1 AND event_id = $2 AND dropped_at_us IS NULL
