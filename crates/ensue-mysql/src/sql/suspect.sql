-- Primary keys.
INSERT INTO ensue_inbox_attempt (consumer, event_id, attempts, changed_at_us)
SELECT $1, $2, 1, ensue_now_us() FROM DUAL
WHERE NOT EXISTS (SELECT 1 FROM ensue_inbox_receipt WHERE consumer = $1 AND event_id = $2)
ON DUPLICATE KEY UPDATE attempts = attempts + 1, changed_at_us = VALUES(changed_at_us)
