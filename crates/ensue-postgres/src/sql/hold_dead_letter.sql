-- Primary key.
UPDATE ensue.dead_letter SET held_until_us = ensue.now_us() + $3::bigint
WHERE consumer = $1 AND event_id = $2::text::uuid AND dropped_at_us IS NULL
    AND (held_until_us IS NULL OR held_until_us <= ensue.now_us())
