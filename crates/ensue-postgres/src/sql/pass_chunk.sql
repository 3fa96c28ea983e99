-- See migrations/0002_sequencer.sql.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL statement_timeout = '5s';
SELECT has_lock, head
FROM ensue.pass_chunk({last_id}, {first_page}, {last_page}, {seen}, {file}, {sender});
COMMIT
