-- Primary keys. What is there stays as it is. The oldest entry that is left is the first; of an empty log
-- it is the next.
INSERT INTO main.ensue_cursor (subscription, position, moved_at_us)
VALUES (
    $1,
    coalesce(
        $2,
        (SELECT min(position) - 1 FROM main.ensue_log),
        (SELECT seq FROM main.sqlite_sequence WHERE name = 'ensue_log'),
        0
    ),
    ensue_now_us()
)
ON CONFLICT DO NOTHING
