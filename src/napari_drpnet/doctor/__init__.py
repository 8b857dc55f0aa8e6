"""What an installation has, what it lacks, and the line that mends it: ``napari-drpnet doctor``.

Loads with Python alone, since any other package may be what is missing. Everything else is asked in processes of its
own.
"""

from __future__ import annotations

from napari_drpnet.doctor.examination import as_json, as_text, examine
from napari_drpnet.doctor.findings import missing

__all__ = ["report"]


def report(as_document: bool = False) -> int:
    """Print what was found, as JSON if wanted; the exit status: 0, or 1 where something needed is missing."""
    sections = examine()
    print(as_json(sections) if as_document else as_text(sections))
    return bool(missing(sections))
