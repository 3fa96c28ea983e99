-- Primary keys. A lease of no length was handed over; files of older versions have neither row before the
-- first owner.
SELECT coalesce(epoch, 0), coalesce(owner, ''), coalesce(length_us, 0)
FROM main.ensue_cursor LEFT JOIN main.ensue_owner USING (subscription) LEFT JOIN main.ensue_lease USING (subscription)
WHERE subscription = $1
