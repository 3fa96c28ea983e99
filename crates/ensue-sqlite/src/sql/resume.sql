-- Primary key.
DELETE FROM main.ensue_pause WHERE subscription = $1
