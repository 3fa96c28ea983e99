-- What is handled above the cursor: written with the effect, gone once the cursor has passed.
CREATE TABLE ensue_receipt (
    subscription TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    PRIMARY KEY (subscription, position)
) STRICT, WITHOUT ROWID;

-- Subscriptions that begin nothing for the time being.
CREATE TABLE ensue_pause (
    subscription TEXT    PRIMARY KEY,
    reason       TEXT    NOT NULL,
    since_us     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What operators ask for, and what has come of it. Rows stay: they are the record of who did what.
CREATE TABLE ensue_request (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription    TEXT    NOT NULL,
    command         TEXT    NOT NULL
                    CHECK (command IN ('retry', 'skip', 'pause', 'resume', 'seek')),
    position        INTEGER,          -- of the entry, or to seek to
    key             TEXT,             -- of the entries; with neither, those that are parked:
    failure_class   TEXT,             -- of any class without it,
    at_most         INTEGER,          -- and as many as there are without it
    reason          TEXT    NOT NULL,
    requested_at_us INTEGER NOT NULL,
    answer          TEXT    CHECK (answer IN ('done', 'refused')),
    changed         INTEGER CHECK ((changed IS NOT NULL) = (answer IS 'done')),
    why             TEXT    CHECK ((why IS NOT NULL) = (answer IS 'refused')),
    answered_at_us  INTEGER CHECK ((answered_at_us IS NULL) = (answer IS NULL))
) STRICT;

CREATE INDEX ensue_request_pending ON ensue_request (id) WHERE answer IS NULL;
