-- What a subscription was ever registered to handle. An event of one of these types that a program
-- has no handler for is not passed by: another program has, or had, one.
CREATE TABLE ensue_event_type (
    subscription TEXT    NOT NULL,
    event_type   TEXT    NOT NULL,
    since_us     INTEGER NOT NULL,
    PRIMARY KEY (subscription, event_type)
) STRICT, WITHOUT ROWID;

-- Who would run a subscription, and was refused: until when that counts.
CREATE TABLE ensue_standby (
    subscription TEXT    NOT NULL,
    owner        TEXT    NOT NULL,
    until_us     INTEGER NOT NULL,
    length_us    INTEGER NOT NULL, -- so that a clock that was ahead misleads nobody for longer
    PRIMARY KEY (subscription, owner)
) STRICT, WITHOUT ROWID;

-- What was handled before, and is handled once more.
ALTER TABLE ensue_set_aside ADD COLUMN is_replay INTEGER NOT NULL DEFAULT 0
    CHECK (is_replay IN (0, 1));

-- A command more, which needs a table anew, since SQLite cannot change a check.
CREATE TABLE ensue_request_new (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription     TEXT    NOT NULL,
    command          TEXT    NOT NULL
                     CHECK (command IN ('retry', 'skip', 'pause', 'resume', 'seek', 'replay')),
    position         INTEGER,          -- of the entry, to seek to, or the first to replay
    last_position    INTEGER           -- to replay
                     CHECK ((last_position IS NOT NULL) = (command = 'replay')),
    key              TEXT,             -- of the entries; with neither, those that are parked:
    failure_class    TEXT,             -- of any class without it,
    at_most          INTEGER,          -- and as many as there are without it
    reason           TEXT    NOT NULL,
    requested_at_us  INTEGER NOT NULL,
    replayed_up_to   INTEGER,          -- how far a replay has come,
    replayed_entries INTEGER           -- and with how many entries
                     CHECK ((replayed_entries IS NULL) = (replayed_up_to IS NULL)),
    answer           TEXT    CHECK (answer IN ('done', 'refused')),
    changed          INTEGER CHECK ((changed IS NOT NULL) = (answer IS 'done')),
    why              TEXT    CHECK ((why IS NOT NULL) = (answer IS 'refused')),
    answered_at_us   INTEGER CHECK ((answered_at_us IS NULL) = (answer IS NULL))
) STRICT;

INSERT INTO ensue_request_new (
    id, subscription, command, position, key, failure_class, at_most, reason, requested_at_us,
    answer, changed, why, answered_at_us
)
SELECT
    id, subscription, command, position, key, failure_class, at_most, reason, requested_at_us,
    answer, changed, why, answered_at_us
FROM ensue_request;

DROP TABLE ensue_request;
ALTER TABLE ensue_request_new RENAME TO ensue_request;
CREATE INDEX ensue_request_pending ON ensue_request (id) WHERE answer IS NULL;
