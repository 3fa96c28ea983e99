-- A pass is READ COMMITTED whatever the default is, so that its second statement sees all that was
-- committed before its first one got the lock. What it commits is flushed, also where users do not
-- flush theirs: a position that was read must not show another entry after a crash. It plans for
-- tables of which nothing is known, and a pass that hangs lets go of the lock.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL jit = off;
SET LOCAL enable_seqscan = off;
SET LOCAL statement_timeout = '5s';
SET LOCAL idle_in_transaction_session_timeout = '5s';
SELECT
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true),
    set_config('ensue_pass.has_lock',
        pg_try_advisory_xact_lock(hashtextextended('ensue.outbox', 0))::text, true);
