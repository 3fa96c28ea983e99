-- Primary key. Behind the lock of the floor, so that nobody prunes what is to be replayed.
INSERT INTO ensue.request (
    subscription, command, position, last_position, key, failure_class, at_most, reason,
    requested_at_us
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ensue.now_us())
