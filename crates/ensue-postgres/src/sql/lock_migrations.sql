-- No table: there may be none yet.
SELECT pg_advisory_xact_lock(hashtextextended('ensue.migration', 0))
