-- Primary key.
SELECT count(*) FROM ensue_inbox_receipt WHERE consumer = $1 AND event_id = $2
