-- Primary keys. Who prunes at the same time waits at the floor, which never goes back.
WITH pruned AS (
    UPDATE ensue.log_meta SET floor = greatest(floor, $1)
)
DELETE FROM ensue.log WHERE position <= $1
