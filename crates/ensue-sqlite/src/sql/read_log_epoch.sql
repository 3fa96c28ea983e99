-- Primary key: the only row.
SELECT epoch FROM ensue_log_meta WHERE is_only = 1
