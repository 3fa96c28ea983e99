-- Primary key, any number of rows.
INSERT INTO ensue.set_aside (
    subscription, position, key, state, attempts, next_attempt_at_us, failure_class,
    failure_message, is_replay, since_us, changed_at_us
)
SELECT
    $1, position, key, state, attempts, next_attempt_at_us, failure_class, failure_message,
    is_replay, now_us, now_us
FROM
    (SELECT ensue.now_us() AS now_us OFFSET 0) AS clock,
    unnest(
        $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
        $9::boolean[]
    ) AS entry (
        position, key, state, attempts, next_attempt_at_us, failure_class, failure_message,
        is_replay
    )
ON CONFLICT (subscription, position) DO UPDATE SET
    state = excluded.state, attempts = excluded.attempts,
    next_attempt_at_us = excluded.next_attempt_at_us, failure_class = excluded.failure_class,
    failure_message = excluded.failure_message, is_replay = excluded.is_replay,
    changed_at_us = excluded.changed_at_us
