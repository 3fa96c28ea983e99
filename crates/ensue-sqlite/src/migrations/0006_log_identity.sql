-- One row. `epoch` tells this log from every other one that was made.
CREATE TABLE ensue_log_meta (
    is_only INTEGER PRIMARY KEY CHECK (is_only = 1),
    epoch   TEXT    NOT NULL
) STRICT;

INSERT INTO ensue_log_meta (is_only, epoch) VALUES (1, lower(hex(randomblob(16))));
