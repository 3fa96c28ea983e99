-- Primary keys.
SELECT position, EXISTS (SELECT 1 FROM ensue_pause WHERE subscription = $1)
FROM ensue_cursor
WHERE subscription = $1
