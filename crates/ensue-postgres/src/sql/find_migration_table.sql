-- The catalogue.
SELECT to_regclass('ensue.migration') IS NOT NULL
