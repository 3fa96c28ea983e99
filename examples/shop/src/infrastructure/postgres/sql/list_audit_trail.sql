-- index audit_trail_of_key
SELECT event_id, event_type, occurred_at_us FROM shop.audit_trail WHERE key = $1 ORDER BY number
