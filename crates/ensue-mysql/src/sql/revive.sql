-- Primary key.
DELETE FROM ensue_retired WHERE subscription = $1
