CREATE TABLE IF NOT EXISTS ensue_migration (
    number        bigint      NOT NULL PRIMARY KEY,
    name          varchar(64) NOT NULL,
    applied_at_us bigint      NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
