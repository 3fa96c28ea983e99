-- Subscriptions that are in use no more: they need no entry, and what they have set aside is kept as the
-- record.
CREATE TABLE ensue_retired (
    subscription TEXT    PRIMARY KEY,
    reason       TEXT    NOT NULL,
    since_us     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
