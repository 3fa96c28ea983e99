-- Primary keys: the outbox's first row, and the only one of the head.
SELECT EXISTS (SELECT 1 FROM ensue_outbox), (SELECT position FROM ensue_head WHERE is_only = 1)
