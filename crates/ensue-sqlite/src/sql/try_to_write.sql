-- Primary key: no row, and yet a statement that writes.
DELETE FROM main.ensue_migration WHERE number < 0
