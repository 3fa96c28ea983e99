-- appends; unique index on event_id
INSERT INTO shop_audit_trail (event_id, event_type, `key`, occurred_at_us) VALUES (?, ?, ?, ?)
