-- Primary key, a range of it.
DELETE FROM ensue_log WHERE position > ? AND position <= ?
