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

-- What a consumer could not handle: written with its receipt, as it arrived. What is no event has
-- neither a source nor the columns from `type` on.
CREATE TABLE ensue.dead_letter (
    consumer        text   NOT NULL,
    event_id        uuid   NOT NULL,
    message_id      text,   -- as it came
    source          text,
    sequence        bigint, -- where it stands in its source's log
    body            text,   -- what is text,
    body_bytes      bytea,  -- or else what is not
    failure_class   text   NOT NULL,
    failure_message text   NOT NULL,
    attempts        bigint NOT NULL,
    died_at_us      bigint NOT NULL,
    type            text,
    version         bigint,
    key             text,
    content_type    text,
    occurred_at_us  bigint,
    correlation_id  text,
    causation_id    uuid,
    hops            bigint,
    trace_context   text,
    headers         text,   -- a JSON object of strings
    dropped_at_us   bigint, -- it is only the record of that,
    dropped_reason  text    -- and of why
                    CHECK ((dropped_reason IS NULL) = (dropped_at_us IS NULL)),
    PRIMARY KEY (consumer, event_id),
    CONSTRAINT dead_letter_has_one_body CHECK ((body IS NULL) <> (body_bytes IS NULL))
);
CREATE INDEX dead_letter_dropped ON ensue.dead_letter (consumer, dropped_at_us)
WHERE dropped_at_us IS NOT NULL;
