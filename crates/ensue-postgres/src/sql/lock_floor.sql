-- Primary key: the only row. Whoever comes to need entries shares it, so that what is needed stays so
-- until the commit.
SELECT FROM ensue.log_meta FOR UPDATE
