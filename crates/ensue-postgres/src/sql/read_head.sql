-- Primary key of the log, its end; those of its partitions and of what is known of it.
SELECT ensue.head()
