-- Primary key. An existing cursor stays where it is.
INSERT INTO ensue_cursor (subscription, position, moved_at_us)
VALUES (?1, 0, ?2)
ON CONFLICT DO NOTHING
