-- The first statement fails unless the transaction is still the one that was begun. The second fails, by a
-- number that is too large, unless the session still has its database and character set: otherwise its
-- events are in another log, or garbled. After an error the server does not run the COMMIT.
RELEASE SAVEPOINT ensue_unit_of_work;
SELECT IF(ensue_place() = '{place}', 1, EXP(710)), ensue_settings();
COMMIT AND NO CHAIN NO RELEASE
