-- Primary keys: a range of the log, and its rows in the outbox, row by row.
DELETE outbox
FROM ensue_log AS log
STRAIGHT_JOIN ensue_outbox AS outbox ON outbox.id = log.append_id
WHERE log.position > ? AND log.position <= ?
