-- No table of ours.
SELECT pg_catalog.current_database()::text, pg_catalog.current_setting('server_encoding')
