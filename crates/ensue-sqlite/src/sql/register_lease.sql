-- Primary key. A lease of no length: nobody's yet.
INSERT INTO main.ensue_lease (subscription, until_us, length_us) VALUES ($1, 0, 0)
ON CONFLICT DO NOTHING
