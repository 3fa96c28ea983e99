-- A unit of work finds the session as it was made, whatever an earlier one has left in it: another role,
-- another search path, other timeouts, temporary tables that hide its own. The transaction that says so
-- ends first, so that the defaults of this one are the session's. What is set then goes with the
-- transaction, whoever ends it: that is how its end is noticed.
BEGIN READ WRITE; RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP; COMMIT;
BEGIN READ WRITE; SET LOCAL ensue_unit_of_work.state = 'open'
