-- Primary key, at its end.
INSERT INTO main.ensue_request (
    subscription, command, position, last_position, key, failure_class, at_most, reason,
    requested_at_us
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ensue_now_us())
