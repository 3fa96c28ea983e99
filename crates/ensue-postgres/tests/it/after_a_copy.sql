SELECT setval(pg_get_serial_sequence('ensue.outbox', 'id'), max(id)) FROM ensue.outbox;
SELECT setval(pg_get_serial_sequence('ensue.request', 'id'), max(id)) FROM ensue.request;
