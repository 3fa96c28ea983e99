-- Overrides completion_type.
ROLLBACK AND NO CHAIN NO RELEASE
