-- Primary key.
SELECT 1 FROM main.ensue_cursor WHERE subscription = $1
