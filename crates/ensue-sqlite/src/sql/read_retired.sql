-- Primary key.
SELECT reason FROM main.ensue_retired WHERE subscription = $1
