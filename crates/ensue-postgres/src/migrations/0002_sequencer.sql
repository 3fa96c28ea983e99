-- What a sequencer's transaction needs, whoever's server it runs on. What it commits is flushed,
-- also where users do not flush theirs: a position that was read must not show another entry after
-- a crash. It is planned for tables of which nothing is known, once for a session; and a pass whose
-- process hangs lets go of the lock.
CREATE FUNCTION ensue.prepare_pass() RETURNS void
LANGUAGE sql VOLATILE
AS $$
    SELECT
        set_config('synchronous_commit', CASE current_setting('synchronous_commit')
            WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true),
        set_config('jit', 'off', true),
        set_config('enable_seqscan', 'off', true),
        set_config('enable_bitmapscan', 'off', true),
        set_config('plan_cache_mode', 'force_generic_plan', true),
        set_config('idle_in_transaction_session_timeout', '5s', true);
$$;

-- How far the log goes. The floor is there when everything was pruned.
CREATE FUNCTION ensue.head() RETURNS bigint
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    at_least bigint := coalesce((SELECT head FROM ensue.log_partition ORDER BY first DESC LIMIT 1), 0);
BEGIN
    RETURN coalesce(
        (SELECT max(position) FROM ensue.log WHERE position >= at_least),
        (SELECT floor FROM ensue.log_meta)
    );
END $$;

-- Makes the log's next partitions if it comes near the end of the last one; otherwise nothing, so
-- that anybody may call it. It is done with its owner's rights, who made the tables, since those who
-- sequence need not be allowed to make any. To attach a partition holds up no reader and no writer.
--
-- LIMIT: the pass that calls it is not held up either, by what must not go on beside it, such as a
-- manual ANALYZE of the log: it then is tried again at the next one, as long as there is room.
CREATE FUNCTION ensue.make_room() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '50ms'
AS $$
DECLARE
    head   bigint := ensue.head();
    room   bigint := coalesce((SELECT max(last) FROM ensue.log_partition), 0);
    pass   CONSTANT bigint := 20000; -- what one may move
    place  text;
    next   bigint;
BEGIN
    WHILE room < head + 2 * pass LOOP
        place := 'log_' || room + 1;
        next := room + (SELECT partition_entries FROM ensue.log_meta);
        EXECUTE format('CREATE TABLE ensue.%I (LIKE ensue.log INCLUDING ALL)', place);
        EXECUTE format(
            'ALTER TABLE ensue.log ATTACH PARTITION ensue.%I FOR VALUES FROM (%s) TO (%s)',
            place, room + 1, next + 1
        );
        INSERT INTO ensue.log_partition (first, last, head) VALUES (room + 1, next, head);
        room := next;
    END LOOP;
EXCEPTION WHEN lock_not_available THEN
    IF room < head + pass THEN
        RAISE;
    END IF;
END $$;

-- Drops the oldest partition if all of it was pruned; whether that, or nothing, is done. It is done
-- with its owner's rights too: who may say that something is pruned may say this.
--
-- LIMIT: for so long everybody else waits for whoever still reads, and then it is given up.
CREATE FUNCTION ensue.drop_pruned() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '50ms'
AS $$
DECLARE
    pruned bigint;
BEGIN
    DELETE FROM ensue.log_partition
    WHERE first = (SELECT min(first) FROM ensue.log_partition)
      AND last <= (SELECT floor FROM ensue.log_meta)
    RETURNING first INTO pruned;
    IF FOUND THEN
        EXECUTE format('DROP TABLE ensue.%I', 'log_' || pruned);
    END IF;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

-- How far the log goes, for a pass, which then has room after it.
CREATE FUNCTION ensue.head_with_room() RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    head bigint := ensue.head();
    room bigint := (SELECT last FROM ensue.log_partition ORDER BY first DESC LIMIT 1);
BEGIN
    IF room IS NULL OR room < head + 40000 THEN
        PERFORM ensue.make_room();
    END IF;
    RETURN head;
END $$;

-- Under any other isolation all statements would see what the first one saw, from before the lock.
CREATE FUNCTION ensue.require_read_committed() RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a pass must run under READ COMMITTED'
            USING HINT = 'Begin with BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;
END $$;

-- Moves everything that is committed into the log, from the horizon `since` on, unless it is more
-- than `rows_max`. With a `sender`, those who listen are told of it, once.
--
-- ORDERING: it must be called under READ COMMITTED, where each statement sees what was committed
-- before it began. So the statement that moves sees all that the holder of the lock before has
-- moved, and whoever's event it sees, it sees the events which that one could see. Among those,
-- the order of ids is the order of the appends.
CREATE FUNCTION ensue.pass(
    since xid8, rows_max bigint, sender text,
    OUT has_lock boolean, OUT waiting bigint, OUT moved bigint, OUT horizon xid8,
    OUT head bigint
)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
BEGIN
    PERFORM ensue.require_read_committed();
    has_lock := pg_try_advisory_xact_lock(hashtextextended('ensue.outbox', 0));
    IF NOT has_lock THEN
        RETURN;
    END IF;
    PERFORM ensue.prepare_pass();
    head := ensue.head_with_room();
    WITH committed AS MATERIALIZED (
        SELECT count(*) AS number
        FROM (SELECT FROM ensue.outbox WHERE xid >= since LIMIT rows_max + 1) AS first_few
    ), gone AS (
        DELETE FROM ensue.outbox
        WHERE xid >= since AND (SELECT number FROM committed) <= rows_max
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
    SELECT
        (SELECT number FROM committed), (SELECT count(*) FROM gone),
        pg_snapshot_xmin(pg_current_snapshot())
    INTO waiting, moved, horizon;
    head := head + moved;
    IF moved > 0 AND sender IS NOT NULL THEN
        PERFORM pg_notify('ensue.log', sender);
    END IF;
END $$;

-- Cuts what is committed into chunks of `rows_max` in the order of ids: each with its last id and
-- with the pages that it lies on, so that moving it reads those alone. It takes no lock.
--
-- `is_native` is whether the transaction ids of all rows are this server's. After a restore into
-- another one they need not be, and then tell nothing of what is visible.
CREATE FUNCTION ensue.survey(rows_max bigint)
RETURNS TABLE (
    last_id bigint, first_page tid, last_page tid, seen pg_snapshot, is_native boolean, file oid
)
LANGUAGE sql VOLATILE
AS $$
    SELECT
        max(id), min(ctid), max(ctid), pg_current_snapshot(),
        bool_and(bool_and(pg_visible_in_snapshot(xid, pg_current_snapshot()))) OVER (),
        pg_relation_filenode('ensue.outbox')
    FROM (
        SELECT id, ctid, xid, (row_number() OVER (ORDER BY id) - 1) / rows_max AS chunk
        FROM ensue.outbox
    ) AS numbered
    GROUP BY chunk
    ORDER BY chunk
$$;

-- Moves a chunk: what the survey has `seen` of it. A row that was committed since has to wait for
-- the pass after the last chunk, since something that it follows may not lie on these pages.
--
-- Without `seen` the whole outbox is looked at, and all rows up to the chunk's last one are moved. The
-- whole of it is looked at too if it is in another `file` by now, as after VACUUM FULL: then the rows
-- lie on other pages.
CREATE FUNCTION ensue.pass_chunk(
    last_id bigint, first_page tid, last_page tid, seen pg_snapshot, file oid, sender text,
    OUT has_lock boolean, OUT moved bigint, OUT head bigint
)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
BEGIN
    PERFORM ensue.require_read_committed();
    has_lock := pg_try_advisory_xact_lock(hashtextextended('ensue.outbox', 0));
    IF NOT has_lock THEN
        RETURN;
    END IF;
    PERFORM ensue.prepare_pass();
    LOCK TABLE ensue.outbox IN ROW EXCLUSIVE MODE;
    IF file IS DISTINCT FROM pg_relation_filenode('ensue.outbox') THEN
        first_page := NULL;
        last_page := NULL;
    END IF;
    head := ensue.head_with_room();
    WITH gone AS (
        DELETE FROM ensue.outbox
        WHERE ctid >= coalesce(first_page, '(0,0)') AND ctid <= coalesce(last_page, '(4294967295,65535)')
          AND id <= last_id
          AND (seen IS NULL OR pg_visible_in_snapshot(xid, seen))
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
