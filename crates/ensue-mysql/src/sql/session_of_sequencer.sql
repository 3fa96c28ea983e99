-- Only another pass locks the rows of the outbox for long, and that is not waited for. So a pass that
-- waits for somebody else's lock fails, and says so, before its answer is given up.
SET SESSION innodb_lock_wait_timeout = 3
