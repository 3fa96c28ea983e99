INSERT IGNORE INTO ensue_migration (number, name, applied_at_us) VALUES (?, ?, ensue_now_us())
