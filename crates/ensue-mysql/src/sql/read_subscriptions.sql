-- Primary key, whole.
SELECT subscription FROM ensue_cursor ORDER BY subscription
