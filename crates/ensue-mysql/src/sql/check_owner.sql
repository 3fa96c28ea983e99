-- Primary key. The fence: a locking read, so that a take-over waits for the commit.
SELECT 1 FROM ensue_owner WHERE subscription = $1 AND epoch = $2 LOCK IN SHARE MODE
