-- The log. Positions are dense and in the order of commits: one writer at a time holds the lock
-- from the append to the commit, and AUTOINCREMENT's counter rolls back with it. Without
-- AUTOINCREMENT the number of a deleted last row would be given again.
CREATE TABLE ensue_log (
    position       INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id       TEXT    NOT NULL,
    type           TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    key            TEXT,
    content_type   TEXT    NOT NULL,
    payload        ANY     NOT NULL, -- text where it is text, otherwise a blob
    occurred_at_us INTEGER NOT NULL, -- microseconds since 1970, as all times here
    recorded_at_us INTEGER NOT NULL,
    correlation_id TEXT    NOT NULL,
    causation_id   TEXT,
    hops           INTEGER NOT NULL,
    trace_context  TEXT,
    headers        TEXT              -- a JSON object of strings
) STRICT;

-- Who runs a subscription. Written at a take-over only: what a handler's transaction checks at its
-- end, to be sure that nobody else has taken over meanwhile.
CREATE TABLE ensue_owner (
    subscription TEXT    PRIMARY KEY,
    epoch        INTEGER NOT NULL,
    owner        TEXT    NOT NULL,
    since_us     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For how long. Renewed by itself, so that a renewal touches nothing that a handler checks.
CREATE TABLE ensue_lease (
    subscription TEXT    PRIMARY KEY,
    until_us     INTEGER NOT NULL,
    length_us    INTEGER NOT NULL -- so that a clock that was ahead holds nobody up
) STRICT, WITHOUT ROWID;

-- How far. Every entry up to here has been handled or is set aside.
CREATE TABLE ensue_cursor (
    subscription TEXT    PRIMARY KEY,
    position     INTEGER NOT NULL,
    moved_at_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What failed, and what waits behind it, key by key in the order of positions.
CREATE TABLE ensue_set_aside (
    subscription       TEXT    NOT NULL,
    position           INTEGER NOT NULL,
    key                TEXT,             -- without a key it is its own
    state              TEXT    NOT NULL CHECK (state IN ('retrying', 'parked', 'queued')),
    attempts           INTEGER NOT NULL,
    next_attempt_at_us INTEGER CHECK ((next_attempt_at_us IS NOT NULL) = (state = 'retrying')),
    failure_class      TEXT,
    failure_message    TEXT,
    since_us           INTEGER NOT NULL,
    changed_at_us      INTEGER NOT NULL,
    PRIMARY KEY (subscription, position)
) STRICT, WITHOUT ROWID;
