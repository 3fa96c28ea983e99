-- Primary key.
UPDATE ensue.dead_letter SET dropped_at_us = ensue.now_us(), dropped_reason = $3
WHERE consumer = $1 AND event_id = $2::text::uuid AND dropped_at_us IS NULL
