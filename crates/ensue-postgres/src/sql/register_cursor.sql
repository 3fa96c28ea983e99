-- Primary keys. What is there stays as it is. Without a position it is before the oldest entry that
-- is left.
INSERT INTO ensue.cursor (subscription, position, moved_at_us)
SELECT $1, greatest(coalesce($2, floor), floor), ensue.now_us() FROM ensue.log_meta
ON CONFLICT DO NOTHING
