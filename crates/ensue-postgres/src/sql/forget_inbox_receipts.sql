-- Index inbox_receipt_age, from the oldest; then the primary keys. What another process forgets right
-- now is left to it.
DELETE FROM ensue.inbox_receipt
WHERE consumer = $1 AND event_id IN (
    SELECT event_id FROM ensue.inbox_receipt AS receipt
    WHERE consumer = $1 AND noted_at_us <= (SELECT ensue.now_us()) - $2::bigint AND NOT EXISTS (
        SELECT FROM ensue.dead_letter AS letter
        WHERE letter.consumer = receipt.consumer AND letter.event_id = receipt.event_id
            AND letter.dropped_at_us IS NULL
    )
    ORDER BY noted_at_us
    LIMIT $3
    FOR UPDATE OF receipt SKIP LOCKED
)
