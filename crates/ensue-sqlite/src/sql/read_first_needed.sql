-- Three tables whole: they have few rows beside the log. The first entry that is still to be handled,
-- and by whom.
SELECT position + 1 AS needed, subscription FROM main.ensue_cursor
UNION ALL
SELECT position, subscription FROM main.ensue_set_aside
UNION ALL
SELECT coalesce(replayed_up_to + 1, position), subscription
FROM main.ensue_request
WHERE answer IS NULL AND command = 'replay'
ORDER BY needed
LIMIT 1
