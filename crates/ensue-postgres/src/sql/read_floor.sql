-- Primary key: the only row.
SELECT floor FROM ensue.log_meta
