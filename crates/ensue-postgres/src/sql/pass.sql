-- See migrations/0002_sequencer.sql.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL statement_timeout = '5s';
SELECT has_lock, waiting, moved, horizon::text, head FROM ensue.pass('{since}', {rows_max}, {sender});
COMMIT
