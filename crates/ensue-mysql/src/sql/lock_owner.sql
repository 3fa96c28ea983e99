-- Primary key. Waits for those in the fence, and keeps everybody out of it until the commit. Who waits
-- here is passed by nobody who comes later, also not by those who share the lock.
SELECT 1 FROM ensue_owner WHERE subscription = $1 FOR UPDATE
