-- Primary key, a range of it.
SELECT event_type FROM ensue_event_type WHERE subscription = ? ORDER BY event_type
