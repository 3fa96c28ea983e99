-- Primary key: the only row.
SELECT epoch::text FROM ensue.log_meta
