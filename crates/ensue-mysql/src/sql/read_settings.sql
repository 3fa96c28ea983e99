-- No table.
SELECT ensue_place(), ensue_settings()
