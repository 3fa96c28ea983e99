-- Index ensue_inbox_receipt_age, from the oldest; then the primary keys.
DELETE FROM main.ensue_inbox_receipt
WHERE consumer = $1 AND event_id IN (
    SELECT event_id FROM main.ensue_inbox_receipt AS receipt
    WHERE consumer = $1 AND noted_at_us <= ensue_now_us() - $2 AND NOT EXISTS (
        SELECT 1 FROM main.ensue_dead_letter AS letter
        WHERE letter.consumer = receipt.consumer AND letter.event_id = receipt.event_id
            AND letter.dropped_at_us IS NULL
    )
    ORDER BY noted_at_us
    LIMIT $3
)
