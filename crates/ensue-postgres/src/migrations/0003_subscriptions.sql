-- Who runs a subscription. Written at a take-over only: what a handler's transaction locks at its
-- end, so that nobody can take over before it has committed. Epoch 0 is before the first owner.
CREATE TABLE ensue.owner (
    subscription text   PRIMARY KEY,
    epoch        bigint NOT NULL,
    owner        text   NOT NULL,
    since_us     bigint NOT NULL
) WITH (fillfactor = 20);

-- Waits until nobody is in the fence of a subscription, and keeps everybody out of it until the commit.
--
-- A row's lock alone would not do: whoever shares it with those who have it already is let past whoever
-- waits to have it for itself, so that the lanes of a busy owner could keep a take-over waiting for ever.
-- Here everybody queues.
CREATE FUNCTION ensue.close_fence(subscription text) RETURNS void
LANGUAGE sql VOLATILE
AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('ensue.owner/' || subscription, 0));
$$;

-- The fence: whether the epoch is the owner's, which it then is until the commit. That is a locking
-- read, since a plain one sees the owner of when the transaction began to look. What comes between here
-- and the commit takes no time, and must not hold up who takes over from a process that has stopped.
CREATE FUNCTION ensue.fence(fenced text, of_epoch bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('ensue.owner/' || fenced, 0));
    PERFORM set_config(
        'idle_in_transaction_session_timeout',
        greatest(1000, least(5000, lease.length_us / 2000))::text, true
    )
    FROM ensue.owner AS owner JOIN ensue.lease AS lease USING (subscription)
    WHERE subscription = fenced AND owner.epoch = of_epoch
      AND coalesce(current_setting('ensue_unit_of_work.state', true), '') = 'open'
    FOR SHARE OF owner;
    RETURN FOUND;
END $$;

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
    is_replay          boolean NOT NULL, -- it was handled before, and is to be once more
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

-- What a subscription was ever registered to handle. An event of one of these types that a program
-- has no handler for is not passed by: another program has, or had, one.
CREATE TABLE ensue.event_type (
    subscription text   NOT NULL,
    event_type   text   NOT NULL,
    since_us     bigint NOT NULL,
    PRIMARY KEY (subscription, event_type)
);

-- Who would run a subscription, and was refused: until when that counts.
CREATE TABLE ensue.standby (
    subscription text   NOT NULL,
    owner        text   NOT NULL,
    until_us     bigint NOT NULL,
    length_us    bigint NOT NULL, -- so that a clock that was ahead misleads nobody for longer
    PRIMARY KEY (subscription, owner)
) WITH (fillfactor = 20);

-- What operators ask for, and what has come of it. Rows stay: they are the record of who did what.
CREATE TABLE ensue.request (
    id               bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    subscription     text   NOT NULL,
    command          text   NOT NULL
                     CHECK (command IN ('retry', 'skip', 'pause', 'resume', 'seek', 'replay')),
    position         bigint,          -- of the entry, to seek to, or the first to replay
    last_position    bigint           -- to replay
                     CHECK ((last_position IS NOT NULL) = (command = 'replay')),
    key              text,            -- of the entries; with neither, those that are parked:
    failure_class    text,            -- of any class without it,
    at_most          bigint,          -- and as many as there are without it
    reason           text   NOT NULL,
    requested_at_us  bigint NOT NULL,
    replayed_up_to   bigint,          -- how far a replay has come,
    replayed_entries bigint           -- and with how many entries
                     CHECK ((replayed_entries IS NULL) = (replayed_up_to IS NULL)),
    answer           text   CHECK (answer IN ('done', 'refused')),
    changed          bigint CHECK ((changed IS NOT NULL) = (answer IS NOT DISTINCT FROM 'done')),
    why              text   CHECK ((why IS NOT NULL) = (answer IS NOT DISTINCT FROM 'refused')),
    answered_at_us   bigint CHECK ((answered_at_us IS NULL) = (answer IS NULL))
);
CREATE INDEX request_pending ON ensue.request (id) WHERE answer IS NULL;
