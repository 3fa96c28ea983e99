-- Primary key.
UPDATE ensue.owner SET epoch = $3, owner = $2, since_us = ensue.now_us() WHERE subscription = $1
