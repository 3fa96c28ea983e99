-- Subscriptions that are in use no more: they need no entry, and what they have set aside is kept as the
-- record.
CREATE TABLE IF NOT EXISTS ensue_retired (
    subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL PRIMARY KEY,
    reason       longtext     NOT NULL,
    since_us     bigint       NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
