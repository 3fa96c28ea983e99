-- Primary key. Each is answered once, by an owner of its subscription.
UPDATE main.ensue_request
SET answer = $3, changed = $4, why = $5, answered_at_us = ensue_now_us()
WHERE id = $2 AND answer IS NULL AND subscription = $1
