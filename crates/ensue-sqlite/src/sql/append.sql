-- Primary key, at its end. The payload comes back byte for byte.
INSERT INTO main.ensue_log (
    event_id, type, version, key, content_type, payload, occurred_at_us, recorded_at_us,
    correlation_id, causation_id, hops, trace_context, headers
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
