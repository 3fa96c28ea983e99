-- Primary key: the only row. Whoever comes to need entries takes it too, so that what is needed stays
-- so until the commit.
SELECT FROM ensue.log_meta FOR UPDATE
