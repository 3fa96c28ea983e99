-- Primary key.
INSERT INTO main.ensue_owner (subscription, epoch, owner, since_us) VALUES ($1, $3, $2, ensue_now_us())
ON CONFLICT DO UPDATE SET
    epoch = excluded.epoch, owner = excluded.owner, since_us = excluded.since_us
