-- A unit of work starts in a fresh session, whatever an earlier one has left in it: another role, another
-- search path, other timeouts, temporary tables that hide its own. The resetting transaction ends first, so
-- that this one gets the session's defaults. The setting made last disappears with the transaction,
-- whatever ends it: that is how we notice its end.
BEGIN READ WRITE; RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP; COMMIT;
BEGIN READ WRITE; SET LOCAL ensue_unit_of_work.state = 'open'
