-- Primary keys. The fence, as in check_owner.sql, and the receipt. A second one is an error, as a
-- second effect would be.
WITH fence AS MATERIALIZED (
    SELECT set_config(
        'idle_in_transaction_session_timeout',
        greatest(1000, least(5000, lease.length_us / 2000))::text, true
    )
    FROM ensue.owner AS owner JOIN ensue.lease AS lease USING (subscription)
    WHERE subscription = $1 AND owner.epoch = $3
    FOR SHARE OF owner
)
INSERT INTO ensue.receipt (subscription, position)
SELECT $1, $2 WHERE EXISTS (SELECT FROM fence)
