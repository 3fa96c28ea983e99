-- See migrations/0002_sequencer.sql.
SELECT ensue.drop_pruned()
