-- Primary key. Behind the fence. It is never moved back.
WITH fence AS MATERIALIZED (SELECT ensue.fence($1, $3) AS is_owner)
UPDATE ensue.cursor
SET position = $2, moved_at_us = ensue.now_us()
FROM fence
WHERE subscription = $1 AND position < $2 AND is_owner
