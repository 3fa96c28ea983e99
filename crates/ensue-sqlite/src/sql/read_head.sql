-- AUTOINCREMENT's own counter: it does not go back when the log is pruned.
SELECT coalesce((SELECT seq FROM main.sqlite_sequence WHERE name = 'ensue_log'), 0)
