-- A row of the log that nobody could read is refused, whoever writes it. It is a trigger, since a check
-- would need the table anew; rows that are there already stay as they are. What it looks at is cheap.
CREATE TRIGGER ensue_log_guard BEFORE INSERT ON ensue_log
WHEN length(NEW.event_id) <> 36
    OR length(NEW.causation_id) <> 36
    OR NEW.version NOT BETWEEN 0 AND 4294967295
    OR NEW.hops NOT BETWEEN 0 AND 4294967295
    OR typeof(NEW.payload) NOT IN ('text', 'blob')
    OR CASE
        WHEN NEW.headers IS NULL THEN 0
        WHEN NOT json_valid(NEW.headers) THEN 1
        WHEN json_type(NEW.headers) <> 'object' THEN 1
        ELSE EXISTS (SELECT 1 FROM json_each(NEW.headers) WHERE type <> 'text')
    END
BEGIN
    SELECT RAISE(
        ABORT,
        'ensue_log: ids are UUIDs, version and hops 0 to 4294967295, payload text or a blob, headers a JSON object of strings or NULL'
    );
END;
