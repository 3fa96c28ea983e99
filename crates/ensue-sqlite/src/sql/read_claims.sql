-- Both tables whole: they have a row for a subscription and process, and few of either.
SELECT subscription, owner, 1
FROM main.ensue_lease JOIN main.ensue_owner USING (subscription)
WHERE until_us > ensue_now_us() AND until_us - length_us <= ensue_now_us()
UNION ALL
SELECT subscription, owner, 0
FROM main.ensue_standby
WHERE until_us > ensue_now_us() AND until_us - length_us <= ensue_now_us()
