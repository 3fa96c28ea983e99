-- Primary key: the only row.
SELECT `floor` FROM ensue_log_meta WHERE is_only = 1
