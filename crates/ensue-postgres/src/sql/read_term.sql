-- Primary keys.
SELECT position, EXISTS (SELECT FROM ensue.pause WHERE subscription = $1)
FROM ensue.cursor
WHERE subscription = $1
