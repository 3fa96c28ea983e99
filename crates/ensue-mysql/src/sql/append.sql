-- Primary key, at its end. Rows are repeated.
INSERT INTO ensue_outbox (
    event_id, type, version, `key`, content_type, payload, payload_bytes, occurred_at_us,
    recorded_at_us, correlation_id, causation_id, hops, trace_context, headers
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ensue_now_us(), ?, ?, ?, ?, ?)
