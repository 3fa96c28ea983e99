-- Index outbox_xid, at its end. Deferred constraints are checked before the row gets its id.
INSERT INTO ensue.outbox (
    event_id, type, version, key, content_type, payload, payload_bytes, occurred_at_us,
    recorded_at_us, correlation_id, causation_id, hops, trace_context, headers
)
SELECT
    $1::text::uuid, $2::text, $3::bigint, $4::text, $5::text, $6::text, $7::bytea, $8::bigint,
    recorded_at_us, $9::text, $10::text::uuid, $11::bigint, $12::text, $13::text
FROM
    (SELECT ensue.check_constraints() AS are_met, ensue.now_us() AS recorded_at_us OFFSET 0)
        AS beforehand
WHERE are_met
