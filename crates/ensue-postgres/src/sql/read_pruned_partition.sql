-- Primary key, its beginning. The end of the oldest partition, if it is no further than this.
SELECT last
FROM (SELECT last FROM ensue.log_partition ORDER BY first LIMIT 1) AS oldest
WHERE last <= $1
