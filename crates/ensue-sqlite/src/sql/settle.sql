-- Primary key.
DELETE FROM main.ensue_set_aside WHERE subscription = $1 AND position = $2
