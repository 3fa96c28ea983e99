-- As begin.sql; what the driver has said when it connected is said again, since that was not told to the
-- server that the pooler now gives.
BEGIN READ WRITE; RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP;
SET client_encoding = 'UTF8'; SET datestyle = 'ISO, MDY'; SET timezone = 'UTC'; COMMIT;
BEGIN READ WRITE; SET LOCAL ensue_unit_of_work.state = 'open'
