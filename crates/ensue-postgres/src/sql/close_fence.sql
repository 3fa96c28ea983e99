-- No table. From here to the commit nobody records, takes over or ends the epoch.
SELECT ensue.close_fence($1)
