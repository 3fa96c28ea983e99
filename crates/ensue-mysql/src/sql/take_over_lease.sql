-- Primary key.
UPDATE ensue_lease
SET epoch = $2, until_us = ensue_now_us() + $3, length_us = $3
WHERE subscription = $1
