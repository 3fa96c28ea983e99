-- Primary key.
INSERT OR REPLACE INTO ensue_dead_letter (
    consumer, event_id, message_id, source, sequence, body, failure_class, failure_message, attempts,
    died_at_us, type, version, key, content_type, occurred_at_us, correlation_id, causation_id, hops,
    trace_context, headers
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
