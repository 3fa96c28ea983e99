-- Whatever the defaults are, each statement sees what was committed before it.
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES', sql_safe_updates = 0
