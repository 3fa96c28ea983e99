-- Index ensue_dead_letter_dropped, from the oldest.
DELETE FROM ensue_dead_letter
WHERE consumer = ? AND dropped_at_us <= ensue_now_us() - ?
ORDER BY dropped_at_us
LIMIT ?
