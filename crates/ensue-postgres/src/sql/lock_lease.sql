-- Primary key. Behind the owner's row.
SELECT 1 FROM ensue.lease WHERE subscription = $1 FOR UPDATE
