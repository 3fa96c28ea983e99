-- The first of them is an error unless the transaction is still the one that was begun. The second is one,
-- by a number that is too large, unless the session is in the database and the character set where it was:
-- what was stored of events is then in another log, or not what it was. After an error the COMMIT is not
-- done.
RELEASE SAVEPOINT ensue_unit_of_work;
SELECT IF(ensue_place() = '{place}', 1, EXP(710)), ensue_settings();
COMMIT AND NO CHAIN NO RELEASE
