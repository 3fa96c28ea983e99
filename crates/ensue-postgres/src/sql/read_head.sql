-- Primary key, its end. The floor is there when everything was pruned.
SELECT coalesce((SELECT max(position) FROM ensue.log), (SELECT floor FROM ensue.log_meta))
