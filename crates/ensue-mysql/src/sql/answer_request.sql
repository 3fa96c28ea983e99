-- Primary key. Each is answered once, by an owner of its subscription.
UPDATE ensue_request
SET answer = ?, changed = ?, why = ?, answered_at_us = ensue_now_us()
WHERE id = ? AND answer IS NULL AND subscription = ?
