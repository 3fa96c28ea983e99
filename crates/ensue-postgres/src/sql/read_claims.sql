-- All tables whole: they have a row for a subscription and process, and few of either.
WITH clock AS MATERIALIZED (SELECT ensue.now_us() AS now_us)
SELECT subscription, owner, true
FROM ensue.lease JOIN ensue.owner USING (subscription), clock
WHERE until_us > now_us AND until_us - length_us <= now_us
UNION ALL
SELECT subscription, owner, false
FROM ensue.standby, clock
WHERE until_us > now_us AND until_us - length_us <= now_us
