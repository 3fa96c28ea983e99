-- No table. A lease is of whatever epoch the owner has.
SELECT $1
