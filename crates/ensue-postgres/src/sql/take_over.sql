-- Primary keys. Who owned it before, and whether that one handed it over, is from before the update.
WITH last AS MATERIALIZED (
    SELECT epoch, owner = $2 OR length_us = 0 AS is_handed_over
    FROM ensue.owner JOIN ensue.lease USING (subscription, epoch)
    WHERE subscription = $1
), new_owner AS (
    UPDATE ensue.owner
    SET epoch = last.epoch + 1, owner = $2, since_us = ensue.now_us()
    FROM last
    WHERE subscription = $1
), new_lease AS (
    UPDATE ensue.lease
    SET epoch = last.epoch + 1, until_us = ensue.now_us() + $3, length_us = $3
    FROM last
    WHERE subscription = $1
), standing_by AS (
    DELETE FROM ensue.standby
    WHERE subscription = $1 AND (owner = $2 OR until_us <= ensue.now_us())
)
SELECT
    last.epoch + 1, is_handed_over, cursor.position,
    EXISTS (SELECT FROM ensue.pause WHERE subscription = $1)
FROM last, ensue.cursor
WHERE cursor.subscription = $1
