-- Primary key.
INSERT INTO ensue.owner (subscription, epoch, owner, since_us) VALUES ($1, 0, '', ensue.now_us())
