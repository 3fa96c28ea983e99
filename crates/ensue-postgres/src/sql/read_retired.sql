-- Primary key.
SELECT reason FROM ensue.retired WHERE subscription = $1
