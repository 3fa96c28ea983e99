-- Primary key, a range of it. Those of the new owner, and of whoever is gone.
DELETE FROM main.ensue_standby WHERE subscription = $1 AND (owner = $2 OR until_us <= ensue_now_us())
