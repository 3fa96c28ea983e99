-- Names were compared without the spaces at their ends: `refunds` and `refunds ` were one subscription, under
-- the spelling that came first. From here on they are compared byte by byte, and a space at an end is
-- refused. So that a subscription is found under the spelling that is left, the spaces are taken off first:
-- of two such spellings no table has both, whose key they would share.
--
-- LIMIT: seconds. Others queue behind this while it waits for open transactions; then it fails, and is tried
-- again at the next start.
SET SESSION lock_wait_timeout = 10;
UPDATE ensue_owner SET subscription = TRIM(TRAILING ' ' FROM subscription)
WHERE subscription LIKE '% ';
UPDATE ensue_lease SET subscription = TRIM(TRAILING ' ' FROM subscription)
WHERE subscription LIKE '% ';
UPDATE ensue_cursor SET subscription = TRIM(TRAILING ' ' FROM subscription)
WHERE subscription LIKE '% ';
UPDATE ensue_set_aside SET subscription = TRIM(TRAILING ' ' FROM subscription)
WHERE subscription LIKE '% ';
UPDATE ensue_receipt SET subscription = TRIM(TRAILING ' ' FROM subscription)
WHERE subscription LIKE '% ';
UPDATE ensue_pause SET subscription = TRIM(TRAILING ' ' FROM subscription)
WHERE subscription LIKE '% ';
UPDATE ensue_event_type SET subscription = TRIM(TRAILING ' ' FROM subscription), event_type = TRIM(TRAILING ' ' FROM event_type)
WHERE subscription LIKE '% ' OR event_type LIKE '% ';
UPDATE ensue_standby SET subscription = TRIM(TRAILING ' ' FROM subscription)
WHERE subscription LIKE '% ';
UPDATE ensue_request SET subscription = TRIM(TRAILING ' ' FROM subscription)
WHERE subscription LIKE '% ';
UPDATE ensue_inbox_receipt SET consumer = TRIM(TRAILING ' ' FROM consumer)
WHERE consumer LIKE '% ';
UPDATE ensue_inbox_attempt SET consumer = TRIM(TRAILING ' ' FROM consumer)
WHERE consumer LIKE '% ';
UPDATE ensue_dead_letter SET consumer = TRIM(TRAILING ' ' FROM consumer)
WHERE consumer LIKE '% ';

-- MySQL and MariaDB have no collation of this kind by the same name.
ALTER TABLE ensue_owner
    MODIFY subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL,
    MODIFY owner varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_lease
    MODIFY subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_cursor
    MODIFY subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_set_aside
    MODIFY subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_receipt
    MODIFY subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_pause
    MODIFY subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_event_type
    MODIFY subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL,
    MODIFY event_type varchar(500) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_standby
    MODIFY subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL,
    MODIFY owner varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_request
    MODIFY subscription varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_inbox_receipt
    MODIFY consumer varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_inbox_attempt
    MODIFY consumer varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
ALTER TABLE ensue_dead_letter
    MODIFY consumer varchar(255) CHARACTER SET utf8mb4
        COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */ NOT NULL;
SET SESSION lock_wait_timeout = DEFAULT;
