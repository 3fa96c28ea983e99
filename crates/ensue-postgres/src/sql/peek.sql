-- See migrations/0005_horizon.sql. Not serializable, whatever the default is: the users' transactions must
-- not be judged by what we look at.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT is_waiting, horizon, head FROM ensue.peek({since});
COMMIT
