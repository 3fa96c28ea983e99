-- Primary keys.
SELECT
    position,
    (SELECT owner FROM ensue_owner JOIN ensue_lease USING (subscription)
        WHERE subscription = $1 AND until_us > ensue_now_us()
            AND until_us - length_us <= ensue_now_us()),
    (SELECT reason FROM ensue_pause WHERE subscription = $1)
FROM ensue_cursor
WHERE subscription = $1
