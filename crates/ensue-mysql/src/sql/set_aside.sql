-- Primary key. Rows are repeated.
INSERT INTO ensue_set_aside (
    subscription, position, `key`, state, attempts, next_attempt_at_us, failure_class,
    failure_message, is_replay, since_us, changed_at_us
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ensue_now_us(), ensue_now_us())
ON DUPLICATE KEY UPDATE
    state = VALUES(state), attempts = VALUES(attempts),
    next_attempt_at_us = VALUES(next_attempt_at_us), failure_class = VALUES(failure_class),
    failure_message = VALUES(failure_message), is_replay = VALUES(is_replay),
    changed_at_us = VALUES(changed_at_us)
