-- Who runs a subscription. Written at a take-over only: what a handler's transaction locks at its
-- end, so that nobody can take over before it has committed. Epoch 0 is before the first owner.
CREATE TABLE ensue.owner (
    subscription text   PRIMARY KEY,
    epoch        bigint NOT NULL,
    owner        text   NOT NULL,
    since_us     bigint NOT NULL
) WITH (fillfactor = 20);

-- For how long. Renewed by itself, so that a renewal touches nothing that a handler locks; with the
-- epoch again, so that a renewal which waits for a take-over finds that it came too late.
CREATE TABLE ensue.lease (
    subscription text   PRIMARY KEY,
    epoch        bigint NOT NULL,
    until_us     bigint NOT NULL,
    length_us    bigint NOT NULL -- so that a clock that was ahead holds nobody up; 0: handed over
) WITH (fillfactor = 20);

-- How far. Every entry up to here has been handled or is set aside.
CREATE TABLE ensue.cursor (
    subscription text   PRIMARY KEY,
    position     bigint NOT NULL,
    moved_at_us  bigint NOT NULL
) WITH (fillfactor = 20);

-- What failed, and what waits behind it, key by key in the order of positions.
CREATE TABLE ensue.set_aside (
    subscription       text   NOT NULL,
    position           bigint NOT NULL,
    key                text,             -- without a key it is its own
    state              text   NOT NULL CHECK (state IN ('retrying', 'parked', 'queued')),
    attempts           bigint NOT NULL,
    next_attempt_at_us bigint CHECK ((next_attempt_at_us IS NOT NULL) = (state = 'retrying')),
    failure_class      text,
    failure_message    text,
    since_us           bigint NOT NULL,
    changed_at_us      bigint NOT NULL,
    PRIMARY KEY (subscription, position)
) WITH (fillfactor = 70);

-- What is handled above the cursor: written with the effect, gone once the cursor has passed.
CREATE TABLE ensue.receipt (
    subscription text   NOT NULL,
    position     bigint NOT NULL,
    PRIMARY KEY (subscription, position)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- Subscriptions that begin nothing for the time being.
CREATE TABLE ensue.pause (
    subscription text   PRIMARY KEY,
    reason       text   NOT NULL,
    since_us     bigint NOT NULL
);

-- What operators ask for, and what has come of it. Rows stay: they are the record of who did what.
CREATE TABLE ensue.request (
    id              bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    subscription    text   NOT NULL,
    command         text   NOT NULL
                    CHECK (command IN ('retry', 'skip', 'pause', 'resume', 'seek')),
    position        bigint,          -- of the entry, or to seek to
    key             text,            -- of the entries; with neither, those that are parked:
    failure_class   text,            -- of any class without it,
    at_most         bigint,          -- and as many as there are without it
    reason          text   NOT NULL,
    requested_at_us bigint NOT NULL,
    answer          text   CHECK (answer IN ('done', 'refused')),
    changed         bigint CHECK ((changed IS NOT NULL) = (answer IS NOT DISTINCT FROM 'done')),
    why             text   CHECK ((why IS NOT NULL) = (answer IS NOT DISTINCT FROM 'refused')),
    answered_at_us  bigint CHECK ((answered_at_us IS NULL) = (answer IS NULL))
);
CREATE INDEX request_pending ON ensue.request (id) WHERE answer IS NULL;
