-- That a consumer has handled an event which arrived from elsewhere: written with the effect.
CREATE TABLE ensue.inbox_receipt (
    consumer    text   NOT NULL,
    event_id    uuid   NOT NULL,
    noted_at_us bigint NOT NULL,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_receipt_age ON ensue.inbox_receipt (consumer, noted_at_us);

-- Attempts at what may have ended a process before: written before each.
CREATE TABLE ensue.inbox_attempt (
    consumer      text   NOT NULL,
    event_id      uuid   NOT NULL,
    attempts      bigint NOT NULL,
    changed_at_us bigint NOT NULL,
    PRIMARY KEY (consumer, event_id)
) WITH (fillfactor = 70);
CREATE INDEX inbox_attempt_age ON ensue.inbox_attempt (consumer, changed_at_us);

-- What a consumer could not handle: written with its receipt, as it arrived.
CREATE TABLE ensue.dead_letter (
    consumer        text   NOT NULL,
    event_id        uuid   NOT NULL,
    message         text   NOT NULL, -- all but its body, a JSON object
    body            text,   -- what is text,
    body_bytes      bytea,  -- or else what is not
    failure_class   text   NOT NULL,
    failure_message text   NOT NULL,
    attempts        bigint NOT NULL,
    died_at_us      bigint NOT NULL,
    dropped_at_us   bigint, -- it is only the record of that,
    dropped_reason  text    -- and of why
                    CHECK ((dropped_reason IS NULL) = (dropped_at_us IS NULL)),
    PRIMARY KEY (consumer, event_id),
    CONSTRAINT dead_letter_has_one_body CHECK ((body IS NULL) <> (body_bytes IS NULL))
);
CREATE INDEX dead_letter_dropped ON ensue.dead_letter (consumer, dropped_at_us)
WHERE dropped_at_us IS NOT NULL;
