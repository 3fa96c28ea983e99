-- Primary key.
UPDATE main.ensue_inbox_receipt SET noted_at_us = ensue_now_us()
WHERE consumer = $1 AND event_id = $2
