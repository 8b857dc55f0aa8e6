"""The state of a training run on disk: tensors and plain values, never code."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.files import atomic_write, reading
from napari_drpnet.io.paths import exists

_VERSION = 1
_REMEDY = "Remove it to train from the beginning."


def checkpoint_path(out: Path) -> Path:
    """Where the checkpoint of a run that will write ``out`` lies: beside it."""
    return out.with_name(out.name + ".checkpoint")


def write_checkpoint(path: Path, run: str, state: dict[str, Any]) -> None:
    """Write the state of the run that ``run`` identifies, whole or not at all.

    Raises
    ------
    UserError
        When the disk is full or the folder cannot be written; the last checkpoint stays as it was.
    """
    import torch  # slow to load

    # Into memory first: torch reports a full disk in words of its own.
    content = io.BytesIO()
    torch.save({"version": _VERSION, "run": run, **state}, content)
    try:
        with atomic_write(path) as temporary:
            temporary.write_bytes(content.getvalue())
    except UserError as error:
        kept = "; the last one stays" if exists(path) else ""
        raise UserError(
            f"The checkpoint {error.message.removesuffix('.')}{kept}.",
            f"{error.hint} The same command then goes on from the last checkpoint.",
        ) from error


def read_checkpoint(path: Path, run: str) -> dict[str, Any] | None:
    """The state that `write_checkpoint` wrote; None when there is none.

    Raises
    ------
    UserError
        When the file is damaged, or of another run, network or version.
    """
    import torch  # slow to load

    if not exists(path):
        return None
    with usable(path), reading(path):
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or state.get("version") != _VERSION:
        raise UserError(f"{path}: a checkpoint of another version of napari-drpnet.", _REMEDY)
    with usable(path):
        differs = "" if state["run"] == run else ", ".join(_differences(state["run"], run)) or "details"
    if differs:
        raise UserError(
            f"{path}: a checkpoint of another run ({cut(differs, 60)} differ).",
            "Repeat its command, or remove it to train from the beginning.",
        )
    return state


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turn whatever a damaged checkpoint leads to, while it is read or taken up, into a `UserError`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # torch's reader and what it calls raise twenty kinds
        raise UserError(f"{path}: not a readable checkpoint.", _REMEDY) from error


def _differences(one: str, other: str) -> list[str]:
    """What two descriptions of runs, JSON objects of one level, do not agree on."""
    a, b = json.loads(one), json.loads(other)
    return [key for key in {**a, **b} if a.get(key) != b.get(key)]
