"""What a person does in the Assess dock, until it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LIMIT = 60_000  # milliseconds


def add(form: Any, qtbot: Any, *paths: Path) -> None:
    """Put refinements on the list."""
    form.refinements.add(paths)
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)


def run(form: Any, qtbot: Any) -> None:
    """Assess them."""
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=LIMIT)
