-- Ours: whatever the defaults are, each statement sees what was committed before it, and what is
-- committed is flushed. An epoch that was lost in a crash would be given to somebody else.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on
