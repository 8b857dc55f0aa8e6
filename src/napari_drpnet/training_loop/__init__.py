"""The one training loop, for recipes (`training`) and for pickers that learn."""
