-- Primary key.
SELECT EXISTS (SELECT 1 FROM main.ensue_inbox_receipt WHERE consumer = $1 AND event_id = $2)
