-- Primary key. The only statement that moves a cursor back.
UPDATE ensue.cursor SET position = $2, moved_at_us = ensue.now_us() WHERE subscription = $1
