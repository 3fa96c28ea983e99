-- Index outbox_xid, at its end. Deferred constraints are checked before the first row gets its id;
-- ids ascend in the order of the envelopes.
INSERT INTO ensue.outbox (
    event_id, type, version, key, content_type, payload, payload_bytes, occurred_at_us,
    recorded_at_us, correlation_id, causation_id, hops, trace_context, headers
)
SELECT
    event_id::uuid, type, version, key, content_type, payload, payload_bytes, occurred_at_us,
    recorded_at_us, correlation_id, causation_id::uuid, hops, trace_context, headers
FROM
    (SELECT ensue.check_constraints() AS are_met, ensue.now_us() AS recorded_at_us OFFSET 0)
        AS beforehand,
    unnest(
        $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bytea[],
        $8::bigint[], $9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[]
    ) WITH ORDINALITY AS envelope (
        event_id, type, version, key, content_type, payload, payload_bytes, occurred_at_us,
        correlation_id, causation_id, hops, trace_context, headers, ordinal
    )
WHERE are_met
ORDER BY ordinal
