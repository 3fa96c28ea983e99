-- Primary key, a range of it, so that no other partition is looked at: positions have no gaps.
SELECT
    position, recorded_at_us, event_id::text, type, version, key, content_type, payload,
    payload_bytes, occurred_at_us, correlation_id, causation_id::text, hops, trace_context, headers
FROM ensue.log
WHERE position > $1 AND position <= $2
ORDER BY position
