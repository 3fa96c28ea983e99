-- Primary key of a table that is not ours, whole.
SELECT id, type, content_type, payload, timestamp
FROM evententry
ORDER BY id
