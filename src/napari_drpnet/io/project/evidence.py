"""``evidence.yaml`` of a project: the threshold that was decided for its data set, and micrographs without evidence."""

from __future__ import annotations

from pathlib import Path
from warnings import warn

from napari_drpnet.errors import UserError
from napari_drpnet.io.fields import dump, read_fields
from napari_drpnet.io.files import write_text
from napari_drpnet.io.paths import exists
from napari_drpnet.settings import Evidence, validated

_HEAD = "# What was measured of this data set; see docs/file-formats.md. Without this file it is measured anew.\n"


def read_evidence(path: Path) -> Evidence:
    """What a project knows of its data set; nothing where there is no file.

    Warns
    -----
    UserWarning
        When the file is damaged or of a newer version: it is as if there were none.
    """
    if not exists(path):
        return Evidence()
    try:
        return validated(Evidence, read_fields(path, "Delete it."), path)
    except UserError as error:
        warn(f"{error.message} It is passed over, and the evidence is measured anew.", stacklevel=2)
        return Evidence()


def write_evidence(evidence: Evidence, path: Path) -> None:
    """Write it atomically.

    Raises
    ------
    UserError
        When it cannot be written.
    """
    write_text(_HEAD + dump(evidence.model_dump(mode="json"), default_flow_style=None, width=120), path)
