-- The outbox, whole.
SELECT count(*), coalesce(greatest(ensue.now_us() - min(recorded_at_us), 0), 0) FROM ensue.outbox
