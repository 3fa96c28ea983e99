-- Primary key.
SELECT attempts FROM ensue_inbox_attempt WHERE consumer = ? AND event_id = ?
