-- Primary key, at its end. Behind the lock of the floor, which whoever asks for anything takes.
SELECT max(id) FROM ensue_request
