-- Primary key.
UPDATE main.ensue_dead_letter SET held_until_us = ensue_now_us() + $3
WHERE consumer = $1 AND event_id = $2 AND dropped_at_us IS NULL
    AND (held_until_us IS NULL OR held_until_us <= ensue_now_us())
