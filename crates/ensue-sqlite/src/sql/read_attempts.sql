-- Primary key.
SELECT attempts FROM main.ensue_inbox_attempt WHERE consumer = $1 AND event_id = $2
