-- Primary keys.
UPDATE ensue.lease
SET epoch = (SELECT epoch FROM ensue.owner WHERE subscription = $1)
WHERE subscription = $1
