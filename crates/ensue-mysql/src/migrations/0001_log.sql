-- Every statement here may be run again: MySQL commits after each of them, so that a process which is
-- killed half-way leaves the rest to the next one.

-- Where transactions leave their events: unordered, and private to the sequencer, which moves them
-- into the log once they are committed. `id` is the order of the appends.
CREATE TABLE IF NOT EXISTS ensue_outbox (
    id             bigint   NOT NULL AUTO_INCREMENT PRIMARY KEY,
    occurred_at_us bigint   NOT NULL, -- microseconds since 1970, as all times here
    recorded_at_us bigint   NOT NULL,
    version        bigint   NOT NULL,
    hops           bigint   NOT NULL,
    event_id       char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    causation_id   char(36) CHARACTER SET ascii COLLATE ascii_bin,
    type           longtext NOT NULL,
    `key`          longtext,
    content_type   longtext NOT NULL,
    payload        longtext, -- what is text,
    payload_bytes  longblob, -- or else what is not
    correlation_id longtext NOT NULL,
    trace_context  longtext,
    headers        longtext  -- a JSON object of strings
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The log. Positions are given by the sequencer, one pass at a time. `append_id` was the row's in the
-- outbox, by which a pass finds what it has moved.
CREATE TABLE IF NOT EXISTS ensue_log (
    position       bigint   NOT NULL PRIMARY KEY,
    append_id      bigint   NOT NULL,
    occurred_at_us bigint   NOT NULL,
    recorded_at_us bigint   NOT NULL,
    version        bigint   NOT NULL,
    hops           bigint   NOT NULL,
    event_id       char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    causation_id   char(36) CHARACTER SET ascii COLLATE ascii_bin,
    type           longtext NOT NULL,
    `key`          longtext,
    content_type   longtext NOT NULL,
    payload        longtext,
    payload_bytes  longblob,
    correlation_id longtext NOT NULL,
    trace_context  longtext,
    headers        longtext
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row: how far the log goes, also when its last entry was pruned. Whoever passes locks it.
CREATE TABLE IF NOT EXISTS ensue_head (
    is_only  bigint NOT NULL PRIMARY KEY,
    position bigint NOT NULL
) ENGINE = InnoDB;
INSERT IGNORE INTO ensue_head (is_only, position) VALUES (1, 0);

-- One row. `epoch` tells this log from every other one that was made; `floor` is the last position
-- that was pruned. Whoever prunes, and whoever comes to need entries, locks it.
CREATE TABLE IF NOT EXISTS ensue_log_meta (
    is_only bigint   NOT NULL PRIMARY KEY,
    epoch   char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    `floor` bigint   NOT NULL
) ENGINE = InnoDB;
INSERT IGNORE INTO ensue_log_meta (is_only, epoch, `floor`) VALUES (1, UUID(), 0);
