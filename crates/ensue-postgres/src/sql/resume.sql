-- Primary key.
DELETE FROM ensue.pause WHERE subscription = $1
