-- Primary key, a range of it.
DELETE FROM ensue_receipt WHERE subscription = $1 AND position <= $2
