-- Primary key. Nobody's yet.
INSERT INTO ensue_lease (subscription, epoch, until_us, length_us) VALUES ($1, 0, 0, 0)
