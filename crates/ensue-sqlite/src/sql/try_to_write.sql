-- Primary key: no row, and yet a statement that writes.
DELETE FROM ensue_migration WHERE number < 0
