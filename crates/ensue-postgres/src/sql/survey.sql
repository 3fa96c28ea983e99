-- The outbox, whole. It takes no lock, so it may take its time.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SET LOCAL statement_timeout = '300s';
SELECT last_id, first_page::text, last_page::text, seen::text, is_native, file::text FROM ensue.survey({rows_max});
COMMIT
