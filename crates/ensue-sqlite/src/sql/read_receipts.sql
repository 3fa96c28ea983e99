-- Primary key, a range of it.
SELECT position FROM ensue_receipt WHERE subscription = $1 ORDER BY position
