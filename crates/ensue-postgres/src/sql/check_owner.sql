-- Primary keys, in the function.
SELECT 1 WHERE ensue.fence($1, $2)
