-- Primary key. Writes, although it finds no row.
DELETE FROM main.ensue_migration WHERE number < 0
