-- Index outbox_xid, the first of a range; the log's primary key, its end. Not serializable, whatever
-- the default is: the users' transactions must not be judged by what we look at.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT
    EXISTS (SELECT FROM ensue.outbox WHERE xid >= '{since}') AS is_waiting,
    ensue.head() AS head;
COMMIT
