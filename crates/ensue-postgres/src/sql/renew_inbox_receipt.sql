-- Primary key.
UPDATE ensue.inbox_receipt SET noted_at_us = ensue.now_us()
WHERE consumer = $1 AND event_id = $2::text::uuid
