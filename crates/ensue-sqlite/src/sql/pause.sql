-- Primary key. The last reason counts.
INSERT INTO main.ensue_pause (subscription, reason, since_us) VALUES ($1, $2, ensue_now_us())
ON CONFLICT DO UPDATE SET reason = excluded.reason
