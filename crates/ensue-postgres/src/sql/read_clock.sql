-- No table.
SELECT ensue.now_us()
