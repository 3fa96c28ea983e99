-- Primary key.
SELECT reason FROM ensue_retired WHERE subscription = $1
