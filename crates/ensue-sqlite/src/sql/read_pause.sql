-- Primary key.
SELECT reason FROM ensue_pause WHERE subscription = ?1
