-- Who runs a subscription. Written at a take-over only: what a handler's transaction locks at its
-- end, so that nobody can take over before it has committed. Epoch 0 is before the first owner.
CREATE TABLE IF NOT EXISTS ensue_owner (
    subscription varchar(255) NOT NULL PRIMARY KEY,
    epoch        bigint       NOT NULL,
    owner        varchar(255) NOT NULL,
    since_us     bigint       NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- For how long. Renewed by itself, so that a renewal touches nothing that a handler locks; with the
-- epoch again, so that a renewal which waits for a take-over finds that it came too late.
CREATE TABLE IF NOT EXISTS ensue_lease (
    subscription varchar(255) NOT NULL PRIMARY KEY,
    epoch        bigint       NOT NULL,
    until_us     bigint       NOT NULL,
    length_us    bigint       NOT NULL -- so that a clock that was ahead holds nobody up; 0: handed over
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- How far. Every entry up to here has been handled or is set aside.
CREATE TABLE IF NOT EXISTS ensue_cursor (
    subscription varchar(255) NOT NULL PRIMARY KEY,
    position     bigint       NOT NULL,
    moved_at_us  bigint       NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What failed, and what waits behind it, key by key in the order of positions.
CREATE TABLE IF NOT EXISTS ensue_set_aside (
    subscription       varchar(255) NOT NULL,
    position           bigint       NOT NULL,
    `key`              longtext,              -- without a key it is its own
    state              varchar(20)  NOT NULL, -- `retrying`, `parked`, `queued`
    attempts           bigint       NOT NULL,
    next_attempt_at_us bigint,
    failure_class      varchar(100),
    failure_message    longtext,
    is_replay          boolean      NOT NULL, -- it was handled before, and is to be once more
    since_us           bigint       NOT NULL,
    changed_at_us      bigint       NOT NULL,
    PRIMARY KEY (subscription, position),
    CONSTRAINT ensue_set_aside_state CHECK (state IN ('retrying', 'parked', 'queued')),
    CONSTRAINT ensue_set_aside_attempt CHECK ((next_attempt_at_us IS NOT NULL) = (state = 'retrying'))
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What is handled above the cursor: written with the effect, gone once the cursor has passed.
CREATE TABLE IF NOT EXISTS ensue_receipt (
    subscription varchar(255) NOT NULL,
    position     bigint       NOT NULL,
    PRIMARY KEY (subscription, position)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Subscriptions that begin nothing for the time being.
CREATE TABLE IF NOT EXISTS ensue_pause (
    subscription varchar(255) NOT NULL PRIMARY KEY,
    reason       longtext     NOT NULL,
    since_us     bigint       NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What a subscription was ever registered to handle. An event of one of these types that a program
-- has no handler for is not passed by: another program has, or had, one.
CREATE TABLE IF NOT EXISTS ensue_event_type (
    subscription varchar(255) NOT NULL,
    event_type   varchar(500) NOT NULL,
    since_us     bigint       NOT NULL,
    PRIMARY KEY (subscription, event_type)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Who would run a subscription, and was refused: until when that counts.
CREATE TABLE IF NOT EXISTS ensue_standby (
    subscription varchar(255) NOT NULL,
    owner        varchar(255) NOT NULL,
    until_us     bigint       NOT NULL,
    length_us    bigint       NOT NULL, -- so that a clock that was ahead misleads nobody for longer
    PRIMARY KEY (subscription, owner)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What operators ask for, and what has come of it. Rows stay: they are the record of who did what.
CREATE TABLE IF NOT EXISTS ensue_request (
    id               bigint       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    subscription     varchar(255) NOT NULL,
    command          varchar(20)  NOT NULL,
    position         bigint,                -- of the entry, to seek to, or the first to replay
    last_position    bigint,                -- to replay
    `key`            longtext,              -- of the entries; with neither, those that are parked:
    failure_class    varchar(100),          -- of any class without it,
    at_most          bigint,                -- and as many as there are without it
    reason           longtext     NOT NULL,
    requested_at_us  bigint       NOT NULL,
    replayed_up_to   bigint,                -- how far a replay has come,
    replayed_entries bigint,                -- and with how many entries
    answer           varchar(20),           -- `done` or `refused`
    changed          bigint,
    why              longtext,
    answered_at_us   bigint,
    KEY ensue_request_pending (answer, id),
    CONSTRAINT ensue_request_command
        CHECK (command IN ('retry', 'skip', 'pause', 'resume', 'seek', 'replay')),
    CONSTRAINT ensue_request_replay CHECK ((last_position IS NOT NULL) = (command = 'replay')),
    CONSTRAINT ensue_request_replayed CHECK ((replayed_entries IS NULL) = (replayed_up_to IS NULL)),
    CONSTRAINT ensue_request_answer CHECK (answer IN ('done', 'refused')),
    CONSTRAINT ensue_request_changed CHECK ((changed IS NOT NULL) = (answer <=> 'done')),
    CONSTRAINT ensue_request_why CHECK ((why IS NOT NULL) = (answer <=> 'refused')),
    CONSTRAINT ensue_request_answered CHECK ((answered_at_us IS NULL) = (answer IS NULL))
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
