-- The outbox, whole.
SELECT count(*), CAST(coalesce(greatest(ensue_now_us() - min(recorded_at_us), 0), 0) AS SIGNED)
FROM ensue_outbox
