-- Nobody else's may be in it.
CREATE SCHEMA IF NOT EXISTS {schema}
