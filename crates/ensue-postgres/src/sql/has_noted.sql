-- Primary key.
SELECT EXISTS (SELECT FROM ensue.inbox_receipt WHERE consumer = $1 AND event_id = $2::text::uuid)
