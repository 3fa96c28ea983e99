-- Primary key, a range of it.
SELECT
    position, event_id, type, version, key, content_type, payload, occurred_at_us, recorded_at_us,
    correlation_id, causation_id, hops, trace_context, headers
FROM ensue_log
WHERE position > ?
ORDER BY position
LIMIT ?
