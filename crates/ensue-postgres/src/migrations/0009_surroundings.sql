-- Also where a session looks for functions in other schemas before the server's own.
CREATE OR REPLACE FUNCTION ensue.now_us() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$ SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint $$;

-- How many events wait for their position, and for how long the oldest one does. Without a horizon, or with
-- another server's, the whole outbox is looked at.
CREATE FUNCTION ensue.waiting(since text, OUT events bigint, OUT oldest_us bigint)
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
    SELECT count(*), coalesce(greatest(ensue.now_us() - min(recorded_at_us), 0), 0)
    INTO events, oldest_us
    FROM (
        SELECT recorded_at_us FROM ensue.outbox WHERE known IS NULL
        UNION ALL
        SELECT recorded_at_us FROM ensue.outbox WHERE xid >= later
        UNION ALL
        SELECT recorded_at_us FROM ensue.outbox WHERE xid = ANY (running)
    ) AS waiting;
END $$;
