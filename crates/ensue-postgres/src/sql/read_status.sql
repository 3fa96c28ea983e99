-- Primary keys. No owner if no lease runs.
SELECT
    position,
    (SELECT owner FROM ensue.owner JOIN ensue.lease USING (subscription)
        WHERE subscription = $1 AND until_us > ensue.now_us()
            AND until_us - length_us <= ensue.now_us()),
    (SELECT reason FROM ensue.pause WHERE subscription = $1),
    (SELECT reason FROM ensue.retired WHERE subscription = $1)
FROM ensue.cursor
WHERE subscription = $1
