-- Primary key.
UPDATE main.ensue_request
SET replayed_up_to = $3, replayed_entries = $4
WHERE id = $2 AND answer IS NULL AND subscription = $1
