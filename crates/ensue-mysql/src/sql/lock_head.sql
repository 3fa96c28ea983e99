-- Primary key: the only row.
SELECT position FROM ensue_head WHERE is_only = 1 FOR UPDATE
