-- See migrations/0005_horizon.sql.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL statement_timeout = '5s';
SELECT has_lock, is_known, fits, moved, horizon, head
FROM ensue.pass({since}, {rows_max}, {bytes_max}, {sender});
COMMIT
