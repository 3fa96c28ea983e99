-- Primary key. Whoever notes the same waits for whoever does already.
INSERT IGNORE INTO ensue_inbox_receipt (consumer, event_id, noted_at_us)
VALUES (?, ?, ensue_now_us())
