-- Primary key.
DELETE FROM ensue_dead_letter WHERE consumer = ? AND event_id = ?
