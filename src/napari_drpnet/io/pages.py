"""The pages of the documentation that are installed with the package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
# Of an installed package, and of a copy of the repository.
_PLACES = (_PACKAGE / "docs", _PACKAGE.parents[1] / "docs")


def read_page(name: str) -> str | None:
    """The text of a page, in Markdown; None where it is not installed."""
    file = next((place / name for place in _PLACES if (place / name).is_file()), None)
    return None if file is None else file.read_text(encoding="utf-8")
