-- Index ensue_inbox_attempt_age, from the oldest.
DELETE FROM ensue_inbox_attempt
WHERE consumer = ? AND changed_at_us <= ensue_now_us() - ?
ORDER BY changed_at_us
LIMIT ?
