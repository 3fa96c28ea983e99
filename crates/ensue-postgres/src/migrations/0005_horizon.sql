-- A horizon is what a complete pass has seen: `server/snapshot`. Whatever that snapshot saw is in the
-- log; what has become visible since is of a transaction that ran then, or has begun since. So a pass
-- finds what is new by the index and nothing else, even while an idle session keeps every row that was
-- ever moved from being vacuumed. It lives in the memory of a process and is saved nowhere.

DROP FUNCTION ensue.pass(xid8, bigint, text);
DROP FUNCTION ensue.survey(bigint);
DROP FUNCTION ensue.pass_chunk(bigint, tid, tid, pg_snapshot, oid, text);

-- Names the server for as long as its transaction ids go on from one another. A pooler may lead a living
-- connection to another one, or to the same one after it was restored, was promoted, or has crashed:
-- what was not flushed is lost then, and its transaction ids are given once more. A server that starts
-- says when it has; one that has recovered without a new start has reset its statistics.
CREATE FUNCTION ensue.server() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT concat_ws(
        '-',
        (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
        (extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()) * 1000000)::bigint
    )
$$;

-- The snapshot of a horizon, if it is this server's. One from the future is not.
CREATE FUNCTION ensue.snapshot_of(horizon text) RETURNS pg_snapshot
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT seen
    FROM (SELECT split_part(horizon, '/', 2)::pg_snapshot AS seen) AS it
    WHERE split_part(horizon, '/', 1) = ensue.server()
      AND pg_snapshot_xmax(seen) <= pg_snapshot_xmax(pg_current_snapshot())
$$;

-- The bytes of a row, as they are stored.
CREATE FUNCTION ensue.stored_bytes(payload text, payload_bytes bytea, headers text) RETURNS integer
LANGUAGE sql STABLE
AS $$
    SELECT 200 + coalesce(pg_catalog.pg_column_size(payload), 0)
        + coalesce(pg_catalog.pg_column_size(payload_bytes), 0)
        + coalesce(pg_catalog.pg_column_size(headers), 0)
$$;

-- Looks whether anything new waits. If nothing does, what it has seen is a horizon too.
CREATE FUNCTION ensue.peek(
    since text, OUT is_waiting boolean, OUT horizon text, OUT head bigint
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    known   CONSTANT pg_snapshot := ensue.snapshot_of(since);
    later   CONSTANT xid8 := pg_snapshot_xmax(known);
    running CONSTANT xid8[] := ARRAY(SELECT pg_snapshot_xip(known));
BEGIN
    SELECT
        known IS NULL
            OR EXISTS (SELECT FROM ensue.outbox WHERE xid >= later)
            OR EXISTS (SELECT FROM ensue.outbox WHERE xid = ANY (running)),
        ensue.server() || '/' || pg_current_snapshot()
    INTO is_waiting, horizon;
    head := ensue.head();
END $$;

-- Moves everything that was committed since the horizon `since` into the log, unless it is more than
-- `rows_max` rows or `bytes_max` bytes, in which case it does not `fit`. With a `sender`, those who
-- listen are told of it, once. Of a horizon that is not this server's nothing is known.
--
-- ORDERING: it must be called under READ COMMITTED, where each statement sees what was committed
-- before it began. So the statement that moves sees all that the holder of the lock before has
-- moved, and whoever's event it sees, it sees the events which that one could see. Among those,
-- the order of ids is the order of the appends.
CREATE FUNCTION ensue.pass(
    since text, rows_max bigint, bytes_max bigint, sender text,
    OUT has_lock boolean, OUT is_known boolean, OUT fits boolean, OUT moved bigint,
    OUT horizon text, OUT head bigint
)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    known   CONSTANT pg_snapshot := ensue.snapshot_of(since);
    later   CONSTANT xid8 := pg_snapshot_xmax(known);
    running CONSTANT xid8[] := ARRAY(SELECT pg_snapshot_xip(known));
BEGIN
    PERFORM ensue.require_read_committed();
    is_known := known IS NOT NULL;
    has_lock := is_known AND pg_try_advisory_xact_lock(hashtextextended('ensue.outbox', 0));
    IF NOT has_lock THEN
        RETURN;
    END IF;
    PERFORM ensue.prepare_pass();
    head := ensue.head_with_room();
    WITH waiting AS MATERIALIZED (
        SELECT
            count(*) <= rows_max
                AND (count(*) <= 1
                    OR sum(ensue.stored_bytes(payload, payload_bytes, headers)) <= bytes_max)
            AS fits
        FROM (
            (SELECT payload, payload_bytes, headers FROM ensue.outbox
            WHERE xid >= later LIMIT rows_max + 1)
            UNION ALL
            (SELECT payload, payload_bytes, headers FROM ensue.outbox
            WHERE xid = ANY (running) LIMIT rows_max + 1)
        ) AS first_few
    ), begun_since AS (
        DELETE FROM ensue.outbox WHERE xid >= later AND (SELECT fits FROM waiting) RETURNING *
    ), ran_then AS (
        DELETE FROM ensue.outbox WHERE xid = ANY (running) AND (SELECT fits FROM waiting) RETURNING *
    ), gone AS (
        SELECT * FROM begun_since UNION ALL SELECT * FROM ran_then
    ), numbered AS (
        INSERT INTO ensue.log (
            position, occurred_at_us, recorded_at_us, version, hops, event_id, causation_id, type,
            key, content_type, payload, payload_bytes, correlation_id, trace_context, headers
        )
        SELECT
            head + row_number() OVER (ORDER BY id),
            occurred_at_us, recorded_at_us, version, hops, event_id, causation_id, type,
            key, content_type, payload, payload_bytes, correlation_id, trace_context, headers
        FROM gone
        RETURNING 1
    )
    SELECT
        (SELECT fits FROM waiting), (SELECT count(*) FROM numbered),
        ensue.server() || '/' || pg_current_snapshot()
    INTO fits, moved, horizon;
    head := head + moved;
    IF moved > 0 AND sender IS NOT NULL THEN
        PERFORM pg_notify('ensue.log', sender);
    END IF;
END $$;

-- Cuts what was committed since the horizon `since`, or all of it, into chunks of up to `rows_max` rows
-- and `bytes_max` bytes in the order of ids: each with its last id and with the pages that it lies on,
-- so that moving it reads those alone. It takes no lock. There is a row without a chunk if nothing
-- waits, and no row if the horizon is not this server's. Once all chunks are moved, what was `seen` is a
-- horizon.
--
-- `is_native` is whether the transaction ids of all rows are this server's. After a restore into
-- another one they need not be, and then tell nothing of what is visible.
CREATE FUNCTION ensue.survey(since text, rows_max bigint, bytes_max bigint)
RETURNS TABLE (
    last_id bigint, first_page tid, last_page tid, seen text, is_native boolean, file oid
)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    known   CONSTANT pg_snapshot := ensue.snapshot_of(since);
    later   CONSTANT xid8 := pg_snapshot_xmax(known);
    running CONSTANT xid8[] := ARRAY(SELECT pg_snapshot_xip(known));
BEGIN
    IF since IS NOT NULL AND known IS NULL THEN
        RETURN;
    END IF;
    PERFORM ensue.prepare_pass();
    RETURN QUERY
    WITH waiting AS (
        SELECT id, ctid, xid, ensue.stored_bytes(payload, payload_bytes, headers) AS bytes
        FROM ensue.outbox WHERE since IS NULL
        UNION ALL
        SELECT id, ctid, xid, ensue.stored_bytes(payload, payload_bytes, headers)
        FROM ensue.outbox WHERE xid >= later
        UNION ALL
        SELECT id, ctid, xid, ensue.stored_bytes(payload, payload_bytes, headers)
        FROM ensue.outbox WHERE xid = ANY (running)
    ), numbered AS (
        SELECT
            id, ctid, xid,
            (row_number() OVER (ORDER BY id) - 1) / rows_max
                + (sum(bytes) OVER (ORDER BY id) - bytes) / bytes_max AS chunk
        FROM waiting
    ), chunks AS (
        SELECT
            max(id) AS last_id, min(ctid) AS first_page, max(ctid) AS last_page,
            bool_and(bool_and(pg_visible_in_snapshot(xid, pg_current_snapshot()))) OVER ()
            AS is_native
        FROM numbered
        GROUP BY chunk
    )
    SELECT
        last_id, first_page, last_page, ensue.server() || '/' || pg_current_snapshot(), is_native,
        pg_relation_filenode('ensue.outbox')
    FROM (SELECT) AS always
    LEFT JOIN chunks ON true
    ORDER BY last_id;
END $$;

-- Moves a chunk: what the survey has `seen` of it. A row that was committed since has to wait for
-- the pass after the last chunk, since something that it follows may not lie on these pages.
--
-- Of rows that are not native the whole outbox is looked at, and all up to the chunk's last one are
-- moved. The whole of it is looked at too if it is in another `file` by now, as after VACUUM FULL: then
-- the rows lie on other pages. On another server than the survey's, nothing is known.
CREATE FUNCTION ensue.pass_chunk(
    last_id bigint, first_page tid, last_page tid, seen text, is_native boolean, file oid,
    sender text, OUT has_lock boolean, OUT is_known boolean, OUT moved bigint, OUT head bigint
)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    known CONSTANT pg_snapshot := ensue.snapshot_of(seen);
BEGIN
    PERFORM ensue.require_read_committed();
    is_known := known IS NOT NULL;
    has_lock := is_known AND pg_try_advisory_xact_lock(hashtextextended('ensue.outbox', 0));
    IF NOT has_lock THEN
        RETURN;
    END IF;
    PERFORM ensue.prepare_pass();
    LOCK TABLE ensue.outbox IN ROW EXCLUSIVE MODE;
    IF NOT is_native OR file IS DISTINCT FROM pg_relation_filenode('ensue.outbox') THEN
        first_page := '(0,0)';
        last_page := '(4294967295,65535)';
    END IF;
    head := ensue.head_with_room();
    WITH gone AS (
        DELETE FROM ensue.outbox
        WHERE ctid >= first_page AND ctid <= last_page
          AND id <= last_id
          AND (NOT is_native OR pg_visible_in_snapshot(xid, known))
        RETURNING *
    ), numbered AS (
        INSERT INTO ensue.log (
            position, occurred_at_us, recorded_at_us, version, hops, event_id, causation_id, type,
            key, content_type, payload, payload_bytes, correlation_id, trace_context, headers
        )
        SELECT
            head + row_number() OVER (ORDER BY id),
            occurred_at_us, recorded_at_us, version, hops, event_id, causation_id, type,
            key, content_type, payload, payload_bytes, correlation_id, trace_context, headers
        FROM gone
    )
    SELECT count(*) FROM gone INTO moved;
    head := head + moved;
    IF moved > 0 AND sender IS NOT NULL THEN
        PERFORM pg_notify('ensue.log', sender);
    END IF;
END $$;
