-- Primary keys. It is never moved back, and only by its owner.
UPDATE main.ensue_cursor
SET position = $2, moved_at_us = ensue_now_us()
WHERE subscription = $1
  AND position < $2
  AND EXISTS (SELECT 1 FROM main.ensue_owner WHERE subscription = $1 AND epoch = $3)
RETURNING 1
