-- Primary key, from where it is read on.
SELECT
    event_id::text, message_id, source, sequence, body, body_bytes, failure_class, failure_message,
    attempts, died_at_us, type, version, key, content_type, occurred_at_us, correlation_id,
    causation_id::text, hops, trace_context, headers
FROM ensue.dead_letter
WHERE consumer = $1 AND event_id > $2::text::uuid AND dropped_at_us IS NULL
ORDER BY dead_letter.event_id
LIMIT $3
