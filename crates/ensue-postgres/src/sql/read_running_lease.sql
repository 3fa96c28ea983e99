-- Primary keys. Another owner's lease that runs: not over, and not begun in the future, as one is
-- that was given by a clock which has been set back since.
SELECT owner, until_us - now_us
FROM
    ensue.owner JOIN ensue.lease USING (subscription),
    (SELECT ensue.now_us() AS now_us OFFSET 0) AS clock
WHERE subscription = $1 AND owner <> $2 AND until_us > now_us AND until_us - length_us <= now_us
