"""The Harvest dock: gather patches."""
