-- Primary key.
INSERT OR REPLACE INTO ensue_dead_letter (
    consumer, event_id, message, body, failure_class, failure_message, attempts, died_at_us
) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
