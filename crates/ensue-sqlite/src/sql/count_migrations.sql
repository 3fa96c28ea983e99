-- Primary key, whole.
SELECT count(*) FROM main.ensue_migration
