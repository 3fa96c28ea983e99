-- Primary key: the only row. Whoever comes to need entries locks it too, so that what is needed stays
-- so until the commit.
SELECT `floor` FROM ensue_log_meta WHERE is_only = 1 FOR UPDATE
