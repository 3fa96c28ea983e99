-- Primary key, its first. AUTOINCREMENT's own counter tells of an empty log.
SELECT coalesce(
    (SELECT min(position) FROM main.ensue_log),
    (SELECT seq + 1 FROM main.sqlite_sequence WHERE name = 'ensue_log'),
    1
)
