-- Primary keys. The fence: locked until the commit, so that nobody takes over before it. What comes
-- between here and there takes no time, and must not hold up who takes over from a process that
-- has stopped.
SELECT set_config(
    'idle_in_transaction_session_timeout',
    greatest(1000, least(5000, lease.length_us / 2000))::text, true
)
FROM ensue.owner AS owner JOIN ensue.lease AS lease USING (subscription)
WHERE subscription = $1 AND owner.epoch = $2
FOR SHARE OF owner
