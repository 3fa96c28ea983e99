-- Primary key.
UPDATE ensue_dead_letter SET dropped_at_us = ensue_now_us(), dropped_reason = ?
WHERE consumer = ? AND event_id = ? AND dropped_at_us IS NULL
