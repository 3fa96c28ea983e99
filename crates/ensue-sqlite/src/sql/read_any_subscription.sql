-- Primary key, the first of it.
SELECT subscription FROM main.ensue_cursor ORDER BY subscription LIMIT 1
