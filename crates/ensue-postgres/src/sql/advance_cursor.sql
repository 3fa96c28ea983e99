-- Primary keys. The fence, as in check_owner.sql, and the cursor. It is never moved back.
WITH fence AS MATERIALIZED (
    SELECT set_config(
        'idle_in_transaction_session_timeout',
        greatest(1000, least(5000, lease.length_us / 2000))::text, true
    )
    FROM ensue.owner AS owner JOIN ensue.lease AS lease USING (subscription)
    WHERE subscription = $1 AND owner.epoch = $3
    FOR SHARE OF owner
)
UPDATE ensue.cursor
SET position = $2, moved_at_us = ensue.now_us()
WHERE subscription = $1 AND position < $2 AND EXISTS (SELECT FROM fence)
