-- Three tables whole: they have few rows beside the log. The first entry that is still to be handled,
-- and its subscription. A retired subscription needs no entry.
SELECT position + 1 AS needed, subscription FROM ensue_cursor
WHERE NOT EXISTS (SELECT 1 FROM ensue_retired WHERE ensue_retired.subscription = ensue_cursor.subscription)
UNION ALL
SELECT position, subscription FROM ensue_set_aside
WHERE NOT EXISTS (SELECT 1 FROM ensue_retired WHERE ensue_retired.subscription = ensue_set_aside.subscription)
UNION ALL
SELECT coalesce(replayed_up_to + 1, position), subscription
FROM ensue_request
WHERE answer IS NULL AND command = 'replay'
  AND NOT EXISTS (SELECT 1 FROM ensue_retired WHERE ensue_retired.subscription = ensue_request.subscription)
ORDER BY needed
LIMIT 1
