-- Primary keys. Another owner's lease that still runs.
SELECT owner, until_us
FROM ensue_owner JOIN ensue_lease USING (subscription)
WHERE subscription = ?1 AND owner <> ?2 AND until_us > ?3
