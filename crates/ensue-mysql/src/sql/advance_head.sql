-- Primary key: the only row.
UPDATE ensue_head SET position = ? WHERE is_only = 1
