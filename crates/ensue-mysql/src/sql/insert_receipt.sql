-- Primary keys. Behind the fence. A second one is an error, as a second effect would be.
INSERT INTO ensue_receipt (subscription, position)
SELECT subscription, CAST(? AS SIGNED)
FROM ensue_owner
WHERE subscription = ? AND epoch = ?
LOCK IN SHARE MODE
