-- Primary key. The last reason counts.
INSERT INTO ensue_pause (subscription, reason, since_us) VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET reason = excluded.reason
