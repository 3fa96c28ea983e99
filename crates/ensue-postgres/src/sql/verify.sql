-- No table. Whether the transaction is still the one that the unit of work began.
SELECT coalesce(current_setting('ensue_unit_of_work.state', true), '') = 'open'
