-- Primary key. Nothing if the epoch is over.
UPDATE ensue_lease
SET until_us = ensue_now_us() + ?, length_us = ?
WHERE subscription = ? AND epoch = ?
