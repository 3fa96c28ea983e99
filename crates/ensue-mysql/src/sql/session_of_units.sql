-- What a statement does after the end of its transaction must not be committed at once. Who stands still
-- in a transaction, perhaps between fence and commit, holds up others for so long and no longer: seconds,
-- which MySQL itself has no word for.
SET SESSION autocommit = 0 /*M!100300 , idle_transaction_timeout = {idle_s} */
