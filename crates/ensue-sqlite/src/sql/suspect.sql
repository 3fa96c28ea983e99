-- Primary keys.
INSERT INTO main.ensue_inbox_attempt (consumer, event_id, attempts, changed_at_us)
SELECT $1, $2, 1, ensue_now_us()
WHERE NOT EXISTS (SELECT 1 FROM main.ensue_inbox_receipt WHERE consumer = $1 AND event_id = $2)
ON CONFLICT (consumer, event_id) DO UPDATE SET
    attempts = attempts + 1, changed_at_us = excluded.changed_at_us
