-- Primary key.
SELECT 1 FROM main.ensue_owner WHERE subscription = $1 AND epoch = $2
