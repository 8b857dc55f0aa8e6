"""The Gallery dock: all particles side by side."""
