-- Primary key, whole.
SELECT subscription FROM ensue.cursor ORDER BY subscription COLLATE "C"
