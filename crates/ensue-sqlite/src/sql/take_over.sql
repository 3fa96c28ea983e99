-- Primary key.
INSERT INTO ensue_owner (subscription, epoch, owner, since_us)
VALUES (?1, 1, ?2, ?3)
ON CONFLICT DO UPDATE SET epoch = epoch + 1, owner = excluded.owner, since_us = excluded.since_us
RETURNING epoch
