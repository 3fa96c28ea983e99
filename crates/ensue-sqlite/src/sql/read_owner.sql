-- Primary keys. Nobody if no lease runs.
SELECT owner
FROM ensue_owner JOIN ensue_lease USING (subscription)
WHERE subscription = ?1 AND until_us > ?2
