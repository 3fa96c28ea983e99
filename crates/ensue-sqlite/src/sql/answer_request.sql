-- Primary key. Each is answered once, by an owner of its subscription.
UPDATE ensue_request
SET answer = ?2, changed = ?3, why = ?4, answered_at_us = ?5
WHERE id = ?1 AND answer IS NULL AND subscription = ?6
