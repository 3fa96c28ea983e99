-- Primary keys. Another owner's lease that runs: not over, and not begun in the future, as one is
-- that was given by a clock which has been set back since.
SELECT owner, until_us - ensue_now_us()
FROM main.ensue_owner JOIN main.ensue_lease USING (subscription)
WHERE subscription = $1 AND owner <> $2
  AND until_us > ensue_now_us() AND until_us - length_us <= ensue_now_us()
