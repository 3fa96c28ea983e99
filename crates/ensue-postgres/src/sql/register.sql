-- Primary keys. What is there stays as it is. Without a position it is before the oldest entry that
-- is left. Epoch 0 and a lease of no length: nobody's yet.
WITH pruned AS MATERIALIZED (
    -- Shared, so that nobody prunes what is needed from now on.
    SELECT floor FROM ensue.log_meta FOR SHARE
), new_cursor AS (
    INSERT INTO ensue.cursor (subscription, position, moved_at_us)
    SELECT $1, greatest(coalesce($2, floor), floor), ensue.now_us() FROM pruned
    ON CONFLICT DO NOTHING
), new_owner AS (
    INSERT INTO ensue.owner (subscription, epoch, owner, since_us)
    VALUES ($1, 0, '', ensue.now_us())
    ON CONFLICT DO NOTHING
)
INSERT INTO ensue.lease (subscription, epoch, until_us, length_us)
VALUES ($1, 0, 0, 0)
ON CONFLICT DO NOTHING
