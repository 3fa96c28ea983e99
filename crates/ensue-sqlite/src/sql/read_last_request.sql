-- Primary key, at its end. Nobody else writes meanwhile.
SELECT max(id) FROM main.ensue_request
