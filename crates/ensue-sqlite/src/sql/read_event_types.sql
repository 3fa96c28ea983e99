-- Primary key, a range of it.
SELECT event_type FROM main.ensue_event_type WHERE subscription = $1 ORDER BY event_type
