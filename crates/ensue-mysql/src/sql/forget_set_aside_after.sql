-- Primary key, a range of it.
DELETE FROM ensue_set_aside WHERE subscription = ? AND position > ?
