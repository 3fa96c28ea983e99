-- Names are compared byte by byte, whatever the database's collation is, and whichever version of it the
-- server's libraries have: a text index in the order of another version finds nothing, or a name twice.
--
-- LIMIT: others queue behind this while it waits for open transactions. After so long it fails, has changed
-- nothing, and is tried again at the next start.
SET LOCAL lock_timeout = '10s';
ALTER TABLE ensue.owner ALTER COLUMN subscription TYPE text COLLATE "C", ALTER COLUMN owner TYPE text COLLATE "C";
ALTER TABLE ensue.lease ALTER COLUMN subscription TYPE text COLLATE "C";
ALTER TABLE ensue.cursor ALTER COLUMN subscription TYPE text COLLATE "C";
ALTER TABLE ensue.set_aside ALTER COLUMN subscription TYPE text COLLATE "C";
ALTER TABLE ensue.receipt ALTER COLUMN subscription TYPE text COLLATE "C";
ALTER TABLE ensue.pause ALTER COLUMN subscription TYPE text COLLATE "C";
ALTER TABLE ensue.event_type ALTER COLUMN subscription TYPE text COLLATE "C", ALTER COLUMN event_type TYPE text COLLATE "C";
ALTER TABLE ensue.standby ALTER COLUMN subscription TYPE text COLLATE "C", ALTER COLUMN owner TYPE text COLLATE "C";
ALTER TABLE ensue.request ALTER COLUMN subscription TYPE text COLLATE "C";
ALTER TABLE ensue.inbox_receipt ALTER COLUMN consumer TYPE text COLLATE "C";
ALTER TABLE ensue.inbox_attempt ALTER COLUMN consumer TYPE text COLLATE "C";
ALTER TABLE ensue.dead_letter ALTER COLUMN consumer TYPE text COLLATE "C";
SET LOCAL lock_timeout TO DEFAULT;
