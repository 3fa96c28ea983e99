-- Primary key: the only row.
UPDATE ensue.log_meta SET floor = greatest(floor, $1)
