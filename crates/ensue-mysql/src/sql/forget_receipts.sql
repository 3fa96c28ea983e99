-- Primary key, a range of it.
DELETE FROM ensue_receipt WHERE subscription = ? AND position <= ?
