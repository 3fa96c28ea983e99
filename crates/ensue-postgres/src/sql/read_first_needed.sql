-- Three tables whole: they have few rows beside the log. The first entry that is still to be handled,
-- and its subscription. A retired subscription needs no entry.
SELECT position + 1 AS needed, subscription FROM ensue.cursor AS cursor_of
WHERE NOT EXISTS (SELECT 1 FROM ensue.retired AS retired WHERE retired.subscription = cursor_of.subscription)
UNION ALL
SELECT position, subscription FROM ensue.set_aside AS set_aside
WHERE NOT EXISTS (SELECT 1 FROM ensue.retired AS retired WHERE retired.subscription = set_aside.subscription)
UNION ALL
SELECT coalesce(replayed_up_to + 1, position), subscription
FROM ensue.request AS request
WHERE answer IS NULL AND command = 'replay'
  AND NOT EXISTS (SELECT 1 FROM ensue.retired AS retired WHERE retired.subscription = request.subscription)
ORDER BY needed
LIMIT 1
