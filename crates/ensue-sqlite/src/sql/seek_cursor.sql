-- Primary key. The only statement that moves a cursor back.
UPDATE main.ensue_cursor SET position = $2, moved_at_us = ensue_now_us() WHERE subscription = $1
