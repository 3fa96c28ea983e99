-- That a consumer has handled an event which arrived from elsewhere: written with the effect.
CREATE TABLE IF NOT EXISTS ensue_inbox_receipt (
    consumer    varchar(255) NOT NULL,
    event_id    char(36)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    noted_at_us bigint       NOT NULL,
    PRIMARY KEY (consumer, event_id),
    KEY ensue_inbox_receipt_age (consumer, noted_at_us)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Attempts at what may have ended a process before: written before each.
CREATE TABLE IF NOT EXISTS ensue_inbox_attempt (
    consumer      varchar(255) NOT NULL,
    event_id      char(36)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    attempts      bigint       NOT NULL,
    changed_at_us bigint       NOT NULL,
    PRIMARY KEY (consumer, event_id),
    KEY ensue_inbox_attempt_age (consumer, changed_at_us)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What a consumer could not handle: written with its receipt, as it arrived. What is no event has
-- neither a source nor the columns from `type` on.
CREATE TABLE IF NOT EXISTS ensue_dead_letter (
    consumer        varchar(255) NOT NULL,
    event_id        char(36)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    message_id      longtext, -- as it came
    source          longtext,
    sequence        bigint,   -- where it stands in its source's log
    body            longtext, -- what is text,
    body_bytes      longblob, -- or else what is not
    failure_class   varchar(100) NOT NULL,
    failure_message longtext     NOT NULL,
    attempts        bigint       NOT NULL,
    died_at_us      bigint       NOT NULL,
    type            longtext,
    version         bigint,
    `key`           longtext,
    content_type    longtext,
    occurred_at_us  bigint,
    correlation_id  longtext,
    causation_id    char(36)     CHARACTER SET ascii COLLATE ascii_bin,
    hops            bigint,
    trace_context   longtext,
    headers         longtext, -- a JSON object of strings
    dropped_at_us   bigint,   -- it is only the record of that,
    dropped_reason  longtext, -- and of why
    PRIMARY KEY (consumer, event_id),
    KEY ensue_dead_letter_dropped (consumer, dropped_at_us)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
