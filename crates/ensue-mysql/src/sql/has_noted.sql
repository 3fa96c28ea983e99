-- Primary key.
SELECT count(*) FROM ensue_inbox_receipt WHERE consumer = ? AND event_id = ?
