-- Primary key, the first of it.
SELECT subscription FROM ensue_cursor ORDER BY subscription LIMIT 1
