-- Primary key.
DELETE FROM ensue_dead_letter
WHERE consumer = ? AND event_id = ? AND dropped_at_us IS NULL
RETURNING
    event_id, message_id, source, sequence, body, failure_class, failure_message, attempts,
    died_at_us, type, version, key, content_type, occurred_at_us, correlation_id, causation_id, hops,
    trace_context, headers
