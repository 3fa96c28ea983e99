-- Primary key.
INSERT INTO ensue_dead_letter (
    consumer, event_id, message_id, source, sequence, body, body_bytes, failure_class,
    failure_message, attempts, died_at_us, type, version, `key`, content_type, occurred_at_us,
    correlation_id, causation_id, hops, trace_context, headers
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ensue_now_us(), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE
    message_id = VALUES(message_id),
    source = VALUES(source),
    sequence = VALUES(sequence),
    body = VALUES(body),
    body_bytes = VALUES(body_bytes),
    failure_class = VALUES(failure_class),
    failure_message = VALUES(failure_message),
    attempts = VALUES(attempts),
    died_at_us = VALUES(died_at_us),
    type = VALUES(type),
    version = VALUES(version),
    `key` = VALUES(`key`),
    content_type = VALUES(content_type),
    occurred_at_us = VALUES(occurred_at_us),
    correlation_id = VALUES(correlation_id),
    causation_id = VALUES(causation_id),
    hops = VALUES(hops),
    trace_context = VALUES(trace_context),
    headers = VALUES(headers),
    dropped_at_us = NULL, dropped_reason = NULL
