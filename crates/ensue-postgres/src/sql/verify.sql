-- No table. Whether the transaction is still the one that the unit of work began.
SELECT coalesce(pg_catalog.current_setting('ensue_unit_of_work.state', true), '') = 'open'
