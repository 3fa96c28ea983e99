CREATE TABLE IF NOT EXISTS ensue.migration (
    number        bigint PRIMARY KEY,
    name          text   NOT NULL,
    applied_at_us bigint NOT NULL
)
