-- Index outbox_xid, the first of a range; the log's primary key, its end.
SELECT
    EXISTS (SELECT FROM ensue.outbox WHERE xid >= '{since}') AS is_waiting,
    coalesce((SELECT max(position) FROM ensue.log), (SELECT floor FROM ensue.log_meta)) AS head
