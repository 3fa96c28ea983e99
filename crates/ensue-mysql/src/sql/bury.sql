-- Primary key.
INSERT INTO ensue_dead_letter (
    consumer, event_id, message, body, body_bytes, failure_class, failure_message, attempts, died_at_us
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ensue_now_us())
ON DUPLICATE KEY UPDATE
    message = VALUES(message),
    body = VALUES(body),
    body_bytes = VALUES(body_bytes),
    failure_class = VALUES(failure_class),
    failure_message = VALUES(failure_message),
    attempts = VALUES(attempts),
    died_at_us = VALUES(died_at_us),
    dropped_at_us = NULL, dropped_reason = NULL, held_until_us = NULL
