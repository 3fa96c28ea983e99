-- Primary keys. Behind the fence. A second one is an error, as a second effect would be.
INSERT INTO ensue_receipt (subscription, position)
SELECT subscription, CAST($2 AS SIGNED)
FROM ensue_owner
WHERE subscription = $1 AND epoch = $3
LOCK IN SHARE MODE
