-- Primary key, a range of it: positions have no gaps.
SELECT
    position, recorded_at_us, event_id, type, version, `key`, content_type, payload,
    payload_bytes, occurred_at_us, correlation_id, causation_id, hops, trace_context, headers
FROM ensue_log
WHERE position > ? AND position <= ?
ORDER BY position
