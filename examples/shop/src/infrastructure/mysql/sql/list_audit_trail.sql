-- index audit_trail_of_key
SELECT event_id, event_type, occurred_at_us FROM shop_audit_trail WHERE `key` = ? ORDER BY number
