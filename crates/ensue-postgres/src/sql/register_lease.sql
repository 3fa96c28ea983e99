-- Primary key. Epoch 0 and a lease of no length: nobody's yet.
INSERT INTO ensue.lease (subscription, epoch, until_us, length_us) VALUES ($1, 0, 0, 0)
