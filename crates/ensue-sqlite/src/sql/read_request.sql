-- Primary key.
SELECT
    id, subscription, command, position, key, failure_class, at_most, reason, requested_at_us,
    answer, changed, why
FROM ensue_request
WHERE id = ?1
