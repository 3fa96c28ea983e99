-- Primary keys. Nothing if the epoch is over.
UPDATE main.ensue_lease
SET until_us = ensue_now_us() + $3, length_us = $3
WHERE subscription = $1
  AND EXISTS (SELECT 1 FROM main.ensue_owner WHERE subscription = $1 AND epoch = $2)
