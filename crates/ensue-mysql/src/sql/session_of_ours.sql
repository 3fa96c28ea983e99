-- Whatever the defaults are, each statement sees what was committed before it. A process that stands still
-- in a transaction holds up others for seconds, where the server has a word for that.
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES', sql_safe_updates = 0
    /*M!100300 , idle_transaction_timeout = 15 */
