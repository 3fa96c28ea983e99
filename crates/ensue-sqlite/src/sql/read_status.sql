-- Primary keys.
SELECT
    position,
    (SELECT owner FROM main.ensue_owner JOIN main.ensue_lease USING (subscription)
        WHERE subscription = $1 AND until_us > ensue_now_us()
            AND until_us - length_us <= ensue_now_us()),
    (SELECT reason FROM main.ensue_pause WHERE subscription = $1),
    (SELECT reason FROM main.ensue_retired WHERE subscription = $1)
FROM main.ensue_cursor
WHERE subscription = $1
