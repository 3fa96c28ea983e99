-- Each statement sees what was committed before it, whatever the defaults are. A process that stalls in a
-- transaction blocks others only for seconds, where the server has a setting for that.
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES', sql_safe_updates = 0
    /*M!100300 , idle_transaction_timeout = 15 */
