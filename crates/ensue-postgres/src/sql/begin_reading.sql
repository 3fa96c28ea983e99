-- All of it of one moment, also where a replica answers.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
