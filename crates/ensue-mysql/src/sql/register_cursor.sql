-- Primary keys. What is there stays as it is. Without a position it is before the oldest entry that
-- is left. Whoever does this has the lock of the floor.
INSERT INTO ensue_cursor (subscription, position, moved_at_us)
SELECT $1, greatest(coalesce($2, `floor`), `floor`), ensue_now_us()
FROM ensue_log_meta
WHERE is_only = 1 AND NOT EXISTS (SELECT 1 FROM ensue_cursor WHERE subscription = $1)
