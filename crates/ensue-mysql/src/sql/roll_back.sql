-- Whatever completion_type says of transactions that end.
ROLLBACK AND NO CHAIN NO RELEASE
