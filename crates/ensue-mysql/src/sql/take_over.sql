-- Primary key.
UPDATE ensue_owner SET epoch = $3, owner = $2, since_us = ensue_now_us() WHERE subscription = $1
