-- Primary keys, the owner's first. Behind the closed fence; nobody renews either, and what the next
-- statements see is what the last of those has left.
SELECT 1 FROM ensue.owner WHERE subscription = $1 FOR UPDATE
