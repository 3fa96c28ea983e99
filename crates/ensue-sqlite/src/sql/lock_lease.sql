-- Primary key.
SELECT 1 FROM ensue_cursor WHERE subscription = $1
