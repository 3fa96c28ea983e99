-- Primary key, a range of it.
DELETE FROM main.ensue_receipt WHERE subscription = $1 AND position <= $2
