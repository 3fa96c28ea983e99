-- Primary key. Any number of events, a JSON array of their ids.
INSERT INTO main.ensue_inbox_receipt (consumer, event_id, noted_at_us)
SELECT ?, value, ? FROM json_each(?) WHERE true ORDER BY value
ON CONFLICT DO NOTHING
RETURNING event_id
