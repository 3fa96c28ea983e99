-- Primary key.
UPDATE ensue_request
SET replayed_up_to = ?2, replayed_entries = ?3
WHERE id = ?1 AND answer IS NULL AND subscription = ?4
