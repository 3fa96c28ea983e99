-- What a row of the outbox has in bytes, so that a pass is bounded in them without reading payloads. It is
-- a default and no generated column, since a dump names the value of every column.
--
-- MySQL has no ADD COLUMN IF NOT EXISTS, and this may be run again.
SET @ensue_add = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'ensue_outbox' AND column_name = 'bytes'
    ),
    'DO 0',
    'ALTER TABLE ensue_outbox ADD COLUMN bytes bigint NOT NULL DEFAULT (
        200 + coalesce(octet_length(payload), 0) + coalesce(octet_length(payload_bytes), 0)
        + coalesce(octet_length(headers), 0) + octet_length(type) + octet_length(content_type)
        + coalesce(octet_length(`key`), 0) + octet_length(correlation_id)
        + coalesce(octet_length(trace_context), 0)
    )'
);
PREPARE ensue_add FROM @ensue_add;
EXECUTE ensue_add;
DEALLOCATE PREPARE ensue_add;
