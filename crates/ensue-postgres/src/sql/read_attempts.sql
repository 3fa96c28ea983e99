-- Primary key.
SELECT attempts FROM ensue.inbox_attempt WHERE consumer = $1 AND event_id = $2::text::uuid
