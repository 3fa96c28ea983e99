-- The first of them is an error, and the second is not done, unless the transaction is still the one
-- that was begun.
RELEASE SAVEPOINT ensue_unit_of_work; COMMIT
