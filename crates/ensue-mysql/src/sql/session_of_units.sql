-- What a statement does after the end of its transaction must not be committed at once.
SET SESSION autocommit = 0
