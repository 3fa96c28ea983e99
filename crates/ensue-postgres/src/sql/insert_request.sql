-- Primary key, at its end. The floor is shared, so that nobody prunes what is to be replayed.
INSERT INTO ensue.request (
    subscription, command, position, last_position, key, failure_class, at_most, reason,
    requested_at_us
)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, ensue.now_us()
FROM (SELECT FROM ensue.log_meta FOR SHARE) AS pruned
RETURNING id
