-- Primary key.
DELETE FROM ensue_pause WHERE subscription = $1
