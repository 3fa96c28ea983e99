-- Primary key: the only row.
UPDATE ensue_log_meta SET `floor` = greatest(`floor`, ?) WHERE is_only = 1
