-- The savepoint goes with the transaction, whoever ends it: that is how its end is noticed.
START TRANSACTION READ WRITE; SAVEPOINT ensue_unit_of_work
