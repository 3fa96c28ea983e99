-- Primary key, at its end. Nobody else writes meanwhile.
SELECT max(id) FROM ensue_request
