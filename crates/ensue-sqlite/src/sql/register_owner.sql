-- Primary key.
INSERT INTO main.ensue_owner (subscription, epoch, owner, since_us) VALUES ($1, 0, '', ensue_now_us())
ON CONFLICT DO NOTHING
