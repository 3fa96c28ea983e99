-- Moves what is committed into the log: the first {rows_max} rows by the order of appends, of all that
-- one snapshot sees, up to the one with which they have {bytes_max} bytes.
--
-- ORDERING: it must be done under READ COMMITTED, where each statement sees what was committed before it
-- began. So the statement that moves sees all that the holder of the lock before has moved, and whoever's
-- event it sees, it sees the events which that one could see. Its reading waits for nobody: a locking one
-- would wait for transactions that are open. Only ids are numbered, so that no payload is in a temporary
-- table. How many were moved is read from the log: what ROW_COUNT() says is wrong once the client is gone,
-- and the statements go on all the same. Everything is by primary key.
START TRANSACTION READ WRITE;
SELECT position INTO @ensue_head FROM ensue_head WHERE is_only = 1 FOR UPDATE NOWAIT;
INSERT INTO ensue_log (
    position, append_id, occurred_at_us, recorded_at_us, version, hops, event_id, causation_id, type,
    `key`, content_type, payload, payload_bytes, correlation_id, trace_context, headers
)
SELECT
    @ensue_head + numbered.number, outbox.id, occurred_at_us, recorded_at_us, version, hops, event_id,
    causation_id, type, `key`, content_type, payload, payload_bytes, correlation_id, trace_context,
    headers
FROM (
    SELECT
        id, row_number() OVER (ORDER BY id) AS number, sum(bytes) OVER (ORDER BY id) - bytes AS bytes_before
    FROM (SELECT id, bytes FROM ensue_outbox ORDER BY id LIMIT {rows_max}) AS first_few
) AS numbered
STRAIGHT_JOIN ensue_outbox AS outbox ON outbox.id = numbered.id
WHERE numbered.bytes_before < {bytes_max};
SELECT coalesce(max(log.position), @ensue_head), coalesce(sum(outbox.bytes), 0)
INTO @ensue_end, @ensue_bytes
FROM ensue_log AS log
LEFT JOIN ensue_outbox AS outbox ON outbox.id = log.append_id
WHERE log.position > @ensue_head;
DELETE outbox
FROM ensue_log AS log
STRAIGHT_JOIN ensue_outbox AS outbox ON outbox.id = log.append_id
WHERE log.position > @ensue_head AND log.position <= @ensue_end;
UPDATE ensue_head SET position = @ensue_end WHERE is_only = 1;
COMMIT AND NO CHAIN NO RELEASE;
SELECT
    CAST(@ensue_end - @ensue_head AS SIGNED), CAST(@ensue_bytes AS SIGNED), CAST(@ensue_end AS SIGNED)
