-- Primary key.
SELECT
    id, subscription, command, position, last_position, key, failure_class, at_most, reason,
    requested_at_us, replayed_up_to, replayed_entries, answer, changed, why
FROM main.ensue_request
WHERE id = $1
