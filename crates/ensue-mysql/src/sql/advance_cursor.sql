-- Primary keys. Behind the fence. It is never moved back.
UPDATE ensue_cursor
SET position = $2, moved_at_us = ensue_now_us()
WHERE subscription = $1
  AND position < $2
  AND EXISTS (SELECT 1 FROM ensue_owner WHERE subscription = $1 AND epoch = $3 LOCK IN SHARE MODE)
