"""Rows of a table, and what makes each of them."""

from __future__ import annotations

from collections.abc import Callable

Row = dict[str, float | str]
# What a row is called, and what makes it.
Task = tuple[str, Callable[[], Row]]
