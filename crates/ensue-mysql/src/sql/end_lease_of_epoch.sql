-- Primary keys. Behind the owner's lock.
UPDATE ensue_lease
SET epoch = (SELECT epoch FROM ensue_owner AS owner WHERE owner.subscription = ensue_lease.subscription)
WHERE subscription = $1
