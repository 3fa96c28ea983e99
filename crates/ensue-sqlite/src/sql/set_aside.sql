-- Primary key.
INSERT INTO main.ensue_set_aside (
    subscription, position, key, state, attempts, next_attempt_at_us, failure_class,
    failure_message, is_replay, since_us, changed_at_us
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    state = excluded.state, attempts = excluded.attempts,
    next_attempt_at_us = excluded.next_attempt_at_us, failure_class = excluded.failure_class,
    failure_message = excluded.failure_message, changed_at_us = excluded.changed_at_us,
    is_replay = excluded.is_replay
