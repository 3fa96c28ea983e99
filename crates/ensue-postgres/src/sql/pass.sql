-- Index outbox_xid, a range of it. Moves everything that is committed, unless it is too much.
WITH found AS MATERIALIZED (
    SELECT count(*) AS rows
    FROM (SELECT FROM ensue.outbox WHERE xid >= '{since}' LIMIT {rows_max} + 1) AS waiting
), moved AS (
    DELETE FROM ensue.outbox
    WHERE xid >= '{since}'
      AND current_setting('ensue_pass.has_lock')::boolean
      AND (SELECT rows FROM found) <= {rows_max}
    RETURNING *
), inserted AS (
    INSERT INTO ensue.log (
        position, occurred_at_us, recorded_at_us, version, hops, event_id, causation_id, type, key,
        content_type, payload, payload_bytes, correlation_id, trace_context, headers
    )
    SELECT
        coalesce((SELECT max(position) FROM ensue.log), (SELECT floor FROM ensue.log_meta))
            + row_number() OVER (ORDER BY id),
        occurred_at_us, recorded_at_us, version, hops, event_id, causation_id, type, key,
        content_type, payload, payload_bytes, correlation_id, trace_context, headers
    FROM moved
)
SELECT
    current_setting('ensue_pass.has_lock')::boolean AS has_lock,
    (SELECT rows FROM found) AS found,
    (SELECT count(*) FROM moved) AS moved,
    pg_snapshot_xmin(pg_current_snapshot())::text AS horizon;
