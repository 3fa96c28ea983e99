-- Primary key, whole.
SELECT subscription FROM main.ensue_cursor ORDER BY subscription
