"""The project that one viewer has open: what is shown of it, every edit, and undo."""
