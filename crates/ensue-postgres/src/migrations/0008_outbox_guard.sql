-- A row that nobody could read in the log is refused where it is appended, whoever appends it. Rows that
-- wait already are not looked at, and move on as they are; the log itself refuses nothing, since a pass
-- that were refused would stop it.
--
-- LIMIT: writers queue behind this while it waits for open transactions. After so long it fails, has
-- changed nothing, and is tried again at the next start.
SET LOCAL lock_timeout = '10s';
ALTER TABLE ensue.outbox
    ADD CONSTRAINT outbox_version CHECK (version BETWEEN 0 AND 4294967295) NOT VALID,
    ADD CONSTRAINT outbox_hops CHECK (hops BETWEEN 0 AND 4294967295) NOT VALID,
    ADD CONSTRAINT outbox_headers_are_an_object_of_strings CHECK (
        headers ~ '^\s*\{\s*("([^"\\]|\\.)*"\s*:\s*"([^"\\]|\\.)*"\s*(,\s*"([^"\\]|\\.)*"\s*:\s*"([^"\\]|\\.)*"\s*)*)?\}\s*$'
    ) NOT VALID;
SET LOCAL lock_timeout TO DEFAULT;
