-- Primary key.
DELETE FROM ensue_dead_letter WHERE consumer = $1 AND event_id = $2
