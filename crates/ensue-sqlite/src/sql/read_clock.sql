-- No table.
SELECT ensue_now_us()
