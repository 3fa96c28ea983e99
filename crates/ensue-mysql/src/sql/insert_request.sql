-- Primary key, at its end.
INSERT INTO ensue_request (
    subscription, command, position, last_position, `key`, failure_class, at_most, reason,
    requested_at_us
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ensue_now_us())
