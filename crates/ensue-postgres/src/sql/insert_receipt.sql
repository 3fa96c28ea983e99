-- Primary key. Behind the fence. A second one is an error, as a second effect would be.
INSERT INTO ensue.receipt (subscription, position)
SELECT $1, $2 WHERE ensue.fence($1, $3)
