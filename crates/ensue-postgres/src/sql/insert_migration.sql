INSERT INTO ensue.migration (number, name, applied_at_us)
VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
