-- Primary key.
UPDATE ensue_request
SET replayed_up_to = ?, replayed_entries = ?
WHERE id = ? AND answer IS NULL AND subscription = ?
