-- Primary keys. No owner if no lease runs.
SELECT
    position,
    (SELECT owner FROM ensue_owner AS owner JOIN ensue_lease AS lease USING (subscription)
        WHERE subscription = cursor_of.subscription AND until_us > ensue_now_us()
            AND until_us - length_us <= ensue_now_us()),
    (SELECT reason FROM ensue_pause AS pause WHERE pause.subscription = cursor_of.subscription),
    (SELECT reason FROM ensue_retired AS retired WHERE retired.subscription = cursor_of.subscription)
FROM ensue_cursor AS cursor_of
WHERE subscription = $1
