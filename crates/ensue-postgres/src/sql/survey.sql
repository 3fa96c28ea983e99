-- See migrations/0005_horizon.sql. It takes no lock, so it may run for long.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SET LOCAL statement_timeout = '300s';
SELECT last_id, first_page::text, last_page::text, seen, is_native, file::text
FROM ensue.survey({since}, {rows_max}, {bytes_max});
COMMIT
