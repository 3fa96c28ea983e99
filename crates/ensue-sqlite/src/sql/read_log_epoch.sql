-- Primary key: the only row.
SELECT epoch FROM main.ensue_log_meta WHERE is_only = 1
