-- Primary keys. A lease of no length was handed over.
SELECT owner, length_us
FROM ensue_owner JOIN ensue_lease USING (subscription)
WHERE subscription = ?1
