-- Primary key.
INSERT INTO ensue.dead_letter (
    consumer, event_id, message, body, body_bytes, failure_class, failure_message, attempts, died_at_us
) VALUES ($1, $2::text::uuid, $3, $4, $5, $6, $7, $8, ensue.now_us())
ON CONFLICT (consumer, event_id) DO UPDATE SET
    message = excluded.message, body = excluded.body, body_bytes = excluded.body_bytes,
    failure_class = excluded.failure_class, failure_message = excluded.failure_message,
    attempts = excluded.attempts, died_at_us = excluded.died_at_us,
    dropped_at_us = NULL, dropped_reason = NULL, held_until_us = NULL
