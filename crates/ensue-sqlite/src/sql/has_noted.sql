-- Primary key.
SELECT EXISTS (SELECT 1 FROM ensue_inbox_receipt WHERE consumer = ? AND event_id = ?)
