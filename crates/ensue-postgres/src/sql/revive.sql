-- Primary key.
DELETE FROM ensue.retired WHERE subscription = $1
