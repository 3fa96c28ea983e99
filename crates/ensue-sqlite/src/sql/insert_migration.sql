INSERT INTO main.ensue_migration (number, name, applied_at_us) VALUES (?, ?, ?)
