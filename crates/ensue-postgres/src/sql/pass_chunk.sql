-- See migrations/0005_horizon.sql.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL statement_timeout = '5s';
SELECT has_lock, is_known, head
FROM ensue.pass_chunk(
    {last_id}, '{first_page}', '{last_page}', '{seen}', {is_native}, {file}, {sender}
);
COMMIT
