-- Primary key.
SELECT 1 FROM ensue_owner WHERE subscription = $1 AND epoch = $2
