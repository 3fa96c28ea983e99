-- Primary keys, the owner's first. From here to the commit nobody takes over, renews or records;
-- what the next statements see is what the last of them has left.
SELECT 1
FROM ensue.owner AS owner JOIN ensue.lease AS lease USING (subscription)
WHERE subscription = $1
FOR UPDATE
