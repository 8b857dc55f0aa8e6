"""Parts that several docks use: forms, jobs with progress, tables, charts, the choice of an image."""
