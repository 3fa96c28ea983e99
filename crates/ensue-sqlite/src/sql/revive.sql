-- Primary key.
DELETE FROM main.ensue_retired WHERE subscription = $1
