-- Primary key.
DELETE FROM main.ensue_dead_letter WHERE consumer = $1 AND event_id = $2
