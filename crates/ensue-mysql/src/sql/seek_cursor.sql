-- Primary key. The only statement that moves a cursor back.
UPDATE ensue_cursor SET position = ?, moved_at_us = ensue_now_us() WHERE subscription = ?
