-- Primary keys. Behind the fence. It is never moved back.
UPDATE ensue_cursor
SET position = ?, moved_at_us = ensue_now_us()
WHERE subscription = ?
  AND position < ?
  AND EXISTS (SELECT 1 FROM ensue_owner WHERE subscription = ? AND epoch = ? LOCK IN SHARE MODE)
