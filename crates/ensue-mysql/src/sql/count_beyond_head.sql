-- Primary key, the end of it.
SELECT count(*), max(position) FROM ensue_log WHERE position > ?
