-- That a consumer has handled an event which arrived from elsewhere: written with the effect.
CREATE TABLE ensue_inbox_receipt (
    consumer    TEXT    NOT NULL,
    event_id    TEXT    NOT NULL,
    noted_at_us INTEGER NOT NULL,
    PRIMARY KEY (consumer, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX ensue_inbox_receipt_age ON ensue_inbox_receipt (consumer, noted_at_us);

-- Attempts at what may have ended a process before: written before each.
CREATE TABLE ensue_inbox_attempt (
    consumer      TEXT    NOT NULL,
    event_id      TEXT    NOT NULL,
    attempts      INTEGER NOT NULL,
    changed_at_us INTEGER NOT NULL,
    PRIMARY KEY (consumer, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX ensue_inbox_attempt_age ON ensue_inbox_attempt (consumer, changed_at_us);

-- What a consumer could not handle: written with its receipt, as it arrived.
CREATE TABLE ensue_dead_letter (
    consumer        TEXT    NOT NULL,
    event_id        TEXT    NOT NULL,
    message         TEXT    NOT NULL, -- all but its body, a JSON object
    body            ANY     NOT NULL, -- text where it is text, otherwise a blob
    failure_class   TEXT    NOT NULL,
    failure_message TEXT    NOT NULL,
    attempts        INTEGER NOT NULL,
    died_at_us      INTEGER NOT NULL,
    dropped_at_us   INTEGER,          -- it is only the record of that,
    dropped_reason  TEXT              -- and of why
                    CHECK ((dropped_reason IS NULL) = (dropped_at_us IS NULL)),
    PRIMARY KEY (consumer, event_id)
) STRICT;

CREATE INDEX ensue_dead_letter_dropped ON ensue_dead_letter (consumer, dropped_at_us)
    WHERE dropped_at_us IS NOT NULL;
