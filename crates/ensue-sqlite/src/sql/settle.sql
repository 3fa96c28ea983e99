-- Primary key.
DELETE FROM ensue_set_aside WHERE subscription = $1 AND position = $2
