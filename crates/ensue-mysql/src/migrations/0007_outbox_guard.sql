-- A row that nobody could read in the log is refused where it is appended, whoever appends it; the log
-- itself refuses nothing, since a pass that were refused would stop it. MariaDB does not look at rows
-- that wait already; MySQL does, and fails as long as one waits that it would refuse.
--
-- A constraint that is there already is not made again: this, too, may be run again.
--
-- LIMIT: seconds. Writers queue behind this while it waits for open transactions; then it fails, and is
-- tried again at the next start.
SET SESSION lock_wait_timeout = 10 /*M! , check_constraint_checks = 0 */;
SET @ensue_guard = IF(
    (SELECT COUNT(*) FROM information_schema.table_constraints
        WHERE table_schema = DATABASE() AND table_name = 'ensue_outbox'
        AND constraint_name = 'ensue_outbox_guard') > 0,
    'DO 0',
    'ALTER TABLE ensue_outbox ADD CONSTRAINT ensue_outbox_guard CHECK (
        CHAR_LENGTH(event_id) = 36
        AND (causation_id IS NULL OR CHAR_LENGTH(causation_id) = 36)
        AND version BETWEEN 0 AND 4294967295
        AND hops BETWEEN 0 AND 4294967295
        AND (payload IS NOT NULL OR payload_bytes IS NOT NULL)
        AND (headers IS NULL OR IF(JSON_VALID(headers), JSON_TYPE(headers) = ''OBJECT'', FALSE))
    )'
);
PREPARE ensue_guard FROM @ensue_guard;
EXECUTE ensue_guard;
DEALLOCATE PREPARE ensue_guard;
SET SESSION lock_wait_timeout = DEFAULT /*M! , check_constraint_checks = 1 */;
