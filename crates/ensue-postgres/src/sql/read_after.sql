-- Primary key, a range of it.
SELECT
    position, recorded_at_us, event_id::text, type, version, key, content_type, payload,
    payload_bytes, occurred_at_us, correlation_id, causation_id::text, hops, trace_context, headers
FROM ensue.log
WHERE position > $1
ORDER BY position
LIMIT $2
