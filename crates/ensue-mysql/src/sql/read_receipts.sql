-- Primary key, a range of it.
SELECT position FROM ensue_receipt WHERE subscription = ? ORDER BY position
