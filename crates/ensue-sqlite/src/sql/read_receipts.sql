-- Primary key, a range of it.
SELECT position FROM main.ensue_receipt WHERE subscription = $1 ORDER BY position
