-- Primary keys; of the log a range, so that no other partition is looked at. Who prunes at the same
-- time waits at the floor, which never goes back.
WITH pruned AS (
    UPDATE ensue.log_meta SET floor = greatest(floor, $2)
)
DELETE FROM ensue.log WHERE position > $1 AND position <= $2
