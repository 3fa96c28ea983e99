-- Primary key. The owner is fenced, and begins anew.
UPDATE main.ensue_owner SET epoch = epoch + 1 WHERE subscription = $1
