-- Primary key, a range of it.
DELETE FROM main.ensue_log WHERE position >= ?1 AND position <= ?2
