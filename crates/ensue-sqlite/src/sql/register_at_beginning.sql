-- Primary keys. An existing cursor stays where it is. The oldest entry that is left is the first; of
-- an empty log it is the next.
INSERT INTO ensue_cursor (subscription, position, moved_at_us)
VALUES (
    ?1,
    coalesce(
        (SELECT min(position) - 1 FROM ensue_log),
        (SELECT seq FROM sqlite_sequence WHERE name = 'ensue_log'),
        0
    ),
    ?2
)
ON CONFLICT DO NOTHING
