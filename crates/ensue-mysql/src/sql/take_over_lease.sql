-- Primary key.
UPDATE ensue_lease
SET epoch = ?, until_us = ensue_now_us() + ?, length_us = ?
WHERE subscription = ?
