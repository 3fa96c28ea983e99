-- Primary key.
DELETE FROM ensue.dead_letter WHERE consumer = $1 AND event_id = $2::text::uuid
