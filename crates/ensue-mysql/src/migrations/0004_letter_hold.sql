-- Until when a retry of a dead letter, whose handler calls the outside, keeps others from it. MySQL has no
-- `ADD COLUMN IF NOT EXISTS`, and this may be run again.
SET @ensue_statement = (
    SELECT IF(count(*) = 0, 'ALTER TABLE ensue_dead_letter ADD COLUMN held_until_us bigint', 'DO 0')
    FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'ensue_dead_letter' AND column_name = 'held_until_us'
);
PREPARE ensue_statement FROM @ensue_statement;
EXECUTE ensue_statement;
DEALLOCATE PREPARE ensue_statement;
