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

-- What a consumer could not handle: written with its receipt, as it arrived.
CREATE TABLE IF NOT EXISTS ensue_dead_letter (
    consumer        varchar(255) NOT NULL,
    event_id        char(36)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    message         longtext     NOT NULL, -- all but its body, a JSON object
    body            longtext, -- what is text,
    body_bytes      longblob, -- or else what is not
    failure_class   varchar(100) NOT NULL,
    failure_message longtext     NOT NULL,
    attempts        bigint       NOT NULL,
    died_at_us      bigint       NOT NULL,
    dropped_at_us   bigint,   -- it is only the record of that,
    dropped_reason  longtext, -- and of why
    PRIMARY KEY (consumer, event_id),
    KEY ensue_dead_letter_dropped (consumer, dropped_at_us)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
