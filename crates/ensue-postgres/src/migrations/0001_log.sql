-- The database's clock, in microseconds since 1970, as all times here.
CREATE FUNCTION ensue.now_us() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;

-- What is deferred until the commit may wait for other transactions. It must not do so after the
-- append, or their events would stand before this one's, whatever the order of their row locks.
CREATE FUNCTION ensue.check_constraints() RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; RETURN true; END $$;

-- Where transactions leave their events: unordered, and private to the sequencer, which moves them
-- into the log once they are committed. `id` is the order of the appends, hence no cache; `xid` is
-- where a pass begins to look, and nothing that anybody saves.
CREATE TABLE ensue.outbox (
    xid            xid8    NOT NULL DEFAULT pg_current_xact_id(),
    id             bigint  GENERATED ALWAYS AS IDENTITY (CACHE 1),
    occurred_at_us bigint  NOT NULL,
    recorded_at_us bigint  NOT NULL DEFAULT ensue.now_us(),
    version        bigint  NOT NULL DEFAULT 1,
    hops           bigint  NOT NULL DEFAULT 0,
    event_id       uuid    NOT NULL,
    causation_id   uuid,
    type           text    NOT NULL,
    key            text,
    content_type   text    NOT NULL DEFAULT 'application/json',
    payload        text,   -- what is text,
    payload_bytes  bytea,  -- or else what is not
    correlation_id text    NOT NULL,
    trace_context  text,
    headers        text,   -- a JSON object of strings
    CONSTRAINT outbox_has_one_payload CHECK ((payload IS NULL) <> (payload_bytes IS NULL))
) WITH (
    -- Every row dies young: it is vacuumed by their number, not by a share of so small a table.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX outbox_xid ON ensue.outbox (xid);

-- The log. Positions are given by the sequencer, one pass at a time. It is made of partitions, so that
-- what nobody needs any more can be dropped, instead of being deleted row by row and vacuumed.
CREATE TABLE ensue.log (
    position       bigint  PRIMARY KEY,
    occurred_at_us bigint  NOT NULL,
    recorded_at_us bigint  NOT NULL,
    version        bigint  NOT NULL,
    hops           bigint  NOT NULL,
    event_id       uuid    NOT NULL,
    causation_id   uuid,
    type           text    NOT NULL,
    key            text,
    content_type   text    NOT NULL,
    payload        text,
    payload_bytes  bytea,
    correlation_id text    NOT NULL,
    trace_context  text,
    headers        text
) PARTITION BY RANGE (position);

-- The partitions, each a table named `log_` and its first position, made by 0002_sequencer.sql before
-- they are needed. `head` is how far the log went then, so that nobody looks for its end in all of
-- them.
CREATE TABLE ensue.log_partition (
    first bigint PRIMARY KEY,
    last  bigint NOT NULL,
    head  bigint NOT NULL
);

-- One row. `epoch` tells this log from every other one that was made; `floor` is the last position that was pruned, so
-- that the head does not go back with the last entry. `partition_entries` is how many entries the
-- partitions have that are made from now on: some hundred megabytes, unless an operator says otherwise.
CREATE TABLE ensue.log_meta (
    is_only           boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    epoch             uuid    NOT NULL DEFAULT gen_random_uuid(),
    floor             bigint  NOT NULL DEFAULT 0,
    partition_entries bigint  NOT NULL DEFAULT 1000000 CHECK (partition_entries > 0)
);
INSERT INTO ensue.log_meta DEFAULT VALUES;

-- Payloads move from the one to the other: with lz4 ten times faster than with what is the default.
-- A server without it stores them as they are.
DO $$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT relation, payload
        FROM unnest(ARRAY['ensue.outbox', 'ensue.log']) AS relation,
            unnest(ARRAY['payload', 'payload_bytes']) AS payload
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION lz4', place.relation, place.payload);
        EXCEPTION WHEN feature_not_supported THEN
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STORAGE EXTERNAL', place.relation, place.payload);
        END;
    END LOOP;
END $$;
