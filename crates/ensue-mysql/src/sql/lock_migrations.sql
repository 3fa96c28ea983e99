-- No table: there may be none yet. It is the session's, which ends with it. LIMIT: for so many
-- seconds others' migrations are waited for.
SELECT GET_LOCK(CONCAT('ensue.', MD5(DATABASE())), 60)
