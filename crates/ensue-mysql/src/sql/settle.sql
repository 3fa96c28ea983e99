-- Primary key.
DELETE FROM ensue_set_aside WHERE subscription = ? AND position = ?
