-- Primary key, whole.
SELECT count(*) FROM ensue_migration
