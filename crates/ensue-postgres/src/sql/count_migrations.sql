-- Primary key, whole.
SELECT count(*) FROM ensue.migration
