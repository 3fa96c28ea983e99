-- Primary key. As in the log: the bytes are the same either way, and text can be read in any shell.
INSERT OR REPLACE INTO main.ensue_dead_letter (
    consumer, event_id, message, body, failure_class, failure_message, attempts, died_at_us
) VALUES ($1, $2, $3, coalesce($4, $5), $6, $7, $8, ensue_now_us())
