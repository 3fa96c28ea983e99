-- Primary key. Whoever owns the subscription owns it no more.
UPDATE ensue.owner SET epoch = epoch + 1 WHERE subscription = $1
