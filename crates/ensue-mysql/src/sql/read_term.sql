-- Primary keys.
SELECT position, EXISTS (SELECT 1 FROM ensue_pause WHERE ensue_pause.subscription = ensue_cursor.subscription)
FROM ensue_cursor
WHERE subscription = $1
