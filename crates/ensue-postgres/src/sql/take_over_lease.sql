-- Primary key.
UPDATE ensue.lease
SET epoch = $2, until_us = ensue.now_us() + $3, length_us = $3
WHERE subscription = $1
