-- Primary key, a range of it.
DELETE FROM ensue.receipt WHERE subscription = $1 AND position <= $2
