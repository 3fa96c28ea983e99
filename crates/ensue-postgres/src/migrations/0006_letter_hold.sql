-- Until when a retry of a dead letter, whose handler calls the outside, keeps others from it.
ALTER TABLE ensue.dead_letter ADD COLUMN held_until_us bigint;
