-- Primary keys.
SELECT position, EXISTS (SELECT 1 FROM main.ensue_pause WHERE subscription = $1)
FROM main.ensue_cursor
WHERE subscription = $1
