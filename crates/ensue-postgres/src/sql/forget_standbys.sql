-- Primary key. Whoever owns it does not stand by, nor does one whose time is over.
DELETE FROM ensue.standby WHERE subscription = $1 AND (owner = $2 OR until_us <= ensue.now_us())
