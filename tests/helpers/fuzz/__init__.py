"""Damage done to sound files by chance, and what must hold of every reader: data or one short line, in bounded time."""
