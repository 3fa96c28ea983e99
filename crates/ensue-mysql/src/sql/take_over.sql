-- Primary key.
UPDATE ensue_owner SET epoch = ?, owner = ?, since_us = ensue_now_us() WHERE subscription = ?
