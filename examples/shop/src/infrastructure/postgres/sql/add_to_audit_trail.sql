-- appends; unique index on event_id
INSERT INTO shop.audit_trail (event_id, event_type, key, occurred_at_us) VALUES ($1, $2, $3, $4)
