-- What is set goes with the transaction, whoever ends it: that is how its end is noticed.
BEGIN READ WRITE; SET LOCAL ensue_unit_of_work.state = 'open'
