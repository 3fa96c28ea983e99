-- Primary key.
SELECT attempts FROM ensue_inbox_attempt WHERE consumer = $1 AND event_id = $2
