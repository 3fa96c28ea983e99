-- Nobody queues before the owner's row here.
SELECT 1
