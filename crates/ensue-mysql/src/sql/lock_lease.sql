-- Primary key. Behind the owner's lock: nobody renews, and what the next statements see is what the
-- last of those has left.
SELECT 1 FROM ensue_lease WHERE subscription = $1 FOR UPDATE
