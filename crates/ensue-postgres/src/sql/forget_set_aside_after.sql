-- Primary key, a range of it.
DELETE FROM ensue.set_aside WHERE subscription = $1 AND position > $2
