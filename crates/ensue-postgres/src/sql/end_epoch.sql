-- Primary keys, the owner's first. The owner is fenced, and begins anew.
WITH ended AS (
    UPDATE ensue.owner SET epoch = epoch + 1 WHERE subscription = $1 RETURNING epoch
)
UPDATE ensue.lease SET epoch = (SELECT epoch FROM ended) WHERE subscription = $1
