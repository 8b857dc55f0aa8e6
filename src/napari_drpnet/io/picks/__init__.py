"""Picks in files: one module for each format, and `formats`, which knows them all."""
