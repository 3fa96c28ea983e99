-- Only another pass locks outbox rows for long, and a pass does not wait for it. So a pass that waits for
-- another program's lock fails, and says so, before the sequencer stops waiting for its answer.
SET SESSION innodb_lock_wait_timeout = 3
