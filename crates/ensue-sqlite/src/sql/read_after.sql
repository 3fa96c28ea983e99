-- Primary key, a range of it. Bytes of a payload are the same, text or not.
SELECT
    position, recorded_at_us, event_id, type, version, key, content_type, NULL, payload,
    occurred_at_us, correlation_id, causation_id, hops, trace_context, headers
FROM main.ensue_log
WHERE position > ?
ORDER BY position
LIMIT ?
