-- See migrations/0005_horizon.sql. Not serializable, whatever the default is: our reads must not cause
-- conflicts for the users' transactions.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT is_waiting, horizon, head FROM ensue.peek({since});
COMMIT
