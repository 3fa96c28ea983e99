-- Index ensue_inbox_receipt_age, from the oldest; then the primary key of dead letters.
DELETE FROM ensue_inbox_receipt
WHERE consumer = $1 AND noted_at_us <= ensue_now_us() - $2
  AND NOT EXISTS (
    SELECT 1 FROM ensue_dead_letter AS letter
    WHERE letter.consumer = ensue_inbox_receipt.consumer
      AND letter.event_id = ensue_inbox_receipt.event_id AND letter.dropped_at_us IS NULL
)
ORDER BY noted_at_us
LIMIT $3
