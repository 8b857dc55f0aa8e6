"""The Export dock: all picks of a project for the next program."""
