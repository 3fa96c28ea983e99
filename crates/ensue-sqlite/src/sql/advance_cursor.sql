-- Primary key. It is never moved back.
UPDATE ensue_cursor SET position = ?2, moved_at_us = ?3 WHERE subscription = ?1 AND position < ?2
