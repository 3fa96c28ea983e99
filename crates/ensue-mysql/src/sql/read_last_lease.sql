-- Primary keys. A lease of no length was handed over.
SELECT owner.epoch, owner, length_us
FROM ensue_owner AS owner JOIN ensue_lease AS lease USING (subscription)
WHERE subscription = $1
