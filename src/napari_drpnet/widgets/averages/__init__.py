"""The 2D averages dock: class averages beside the picks."""
