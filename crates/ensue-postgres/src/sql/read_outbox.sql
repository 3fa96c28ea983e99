-- See migrations/0009_surroundings.sql.
SELECT events, oldest_us FROM ensue.waiting($1)
