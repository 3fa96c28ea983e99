-- Primary keys.
SELECT owner.epoch, owner, length_us
FROM ensue.owner AS owner JOIN ensue.lease AS lease USING (subscription)
WHERE subscription = $1
