-- Index ensue_dead_letter_dropped, from the oldest.
DELETE FROM ensue_dead_letter
WHERE consumer = $1 AND dropped_at_us <= ensue_now_us() - $2
ORDER BY dropped_at_us
LIMIT $3
