-- Primary key.
SELECT position FROM ensue_cursor WHERE subscription = ?1
