CREATE TABLE IF NOT EXISTS ensue_migration (
    number        INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL,
    applied_at_us INTEGER NOT NULL
) STRICT
