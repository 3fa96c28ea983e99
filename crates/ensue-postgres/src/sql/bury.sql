-- Primary key.
INSERT INTO ensue.dead_letter (
    consumer, event_id, message_id, source, sequence, body, body_bytes, failure_class,
    failure_message, attempts, died_at_us, type, version, key, content_type, occurred_at_us,
    correlation_id, causation_id, hops, trace_context, headers
) VALUES (
    $1, $2::text::uuid, $3, $4, $5, $6, $7, $8, $9, $10, ensue.now_us(), $11, $12, $13, $14, $15, $16,
    $17::text::uuid, $18, $19, $20
)
ON CONFLICT (consumer, event_id) DO UPDATE SET
    message_id = excluded.message_id, source = excluded.source, sequence = excluded.sequence,
    body = excluded.body, body_bytes = excluded.body_bytes,
    failure_class = excluded.failure_class, failure_message = excluded.failure_message,
    attempts = excluded.attempts, died_at_us = excluded.died_at_us, type = excluded.type,
    version = excluded.version, key = excluded.key, content_type = excluded.content_type,
    occurred_at_us = excluded.occurred_at_us, correlation_id = excluded.correlation_id,
    causation_id = excluded.causation_id, hops = excluded.hops,
    trace_context = excluded.trace_context, headers = excluded.headers,
    dropped_at_us = NULL, dropped_reason = NULL
