-- Subscriptions that are in use no more: they need no entry, and what they have set aside is kept as the
-- record.
CREATE TABLE ensue.retired (
    subscription text COLLATE "C" PRIMARY KEY,
    reason       text NOT NULL,
    since_us     bigint NOT NULL
);
