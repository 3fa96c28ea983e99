-- Primary keys. Only by its owner. A second one is an error, as a second effect would be.
INSERT INTO main.ensue_receipt (subscription, position)
SELECT $1, $2
WHERE EXISTS (SELECT 1 FROM main.ensue_owner WHERE subscription = $1 AND epoch = $3)
RETURNING 1
