-- Like begin.sql, but repeats the settings that the driver made when it connected: the server that the
-- pooler now provides has not received them.
BEGIN READ WRITE; RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP;
SET client_encoding = 'UTF8'; SET datestyle = 'ISO, MDY'; SET timezone = 'UTC'; COMMIT;
BEGIN READ WRITE; SET LOCAL ensue_unit_of_work.state = 'open'
