"""Go on with a run into the same folder: which micrographs are finished, and whether the settings are the same."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.paths import is_file, shown
from napari_drpnet.io.star_lists import read_coordinate_list
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.pick_report import COLUMNS, LIST, SUMMARY, PickResult, one_line
from napari_drpnet.jobs.run_file import read_run_file
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import NO_PICK, PickRun

_HINT = "Take another --out; or --again, which picks all micrographs anew."
_TOLD = ("picker", "pixel_size", "keep_unproved")
_SHOWN, _LONGEST = 3, 40
_DIGITS = 9  # of a number of picks


def finished(out: Path, tasks: Sequence[PickTask]) -> list[PickResult]:
    """What earlier runs into a folder finished, in the order of its summary.

    A micrograph that is to be picked now is not finished where it failed, where its file of picks is gone, or where it
    was written after it was picked. Others stay as they are.

    Parameters
    ----------
    out
        The folder.
    tasks
        What is to be picked now.
    """
    rows = _rows(out)
    try:
        files = {one_line(name): Path(file) for name, file in read_coordinate_list(out / LIST)}
    except UserError:
        return []
    paths = {one_line(task.micrograph.name): task for task in tasks}
    found = (_result(row, files, paths) for row in rows)
    return [result for result in found if result is not None]


def all_finished(out: Path) -> list[PickResult]:
    """`finished` of all micrographs that the summary of a folder tells of.

    Raises
    ------
    UserError
        When some were picked, and none of their files is there: lists have names as they were given.
    """
    results = finished(out, ())
    if any(not row["error"] for row in _rows(out)) and not any(not result.error for result in results):
        raise UserError(
            f"No file of picks that {out / SUMMARY} tells of is there.",
            "Give the command in the folder that the run was started in.",
        )
    return results


def _rows(out: Path) -> list[dict[str, str | None]]:
    """The rows of a summary; none where it cannot be read."""
    try:
        text = (out / SUMMARY).read_text("utf-8", "surrogateescape")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"))
    except (OSError, ValueError, csv.Error):
        return []
    return rows if all(set(COLUMNS) <= row.keys() for row in rows) else []


def _result(
    row: Mapping[str, str | None], files: Mapping[str, Path], tasks: Mapping[str, PickTask]
) -> PickResult | None:
    """A row of the summary as the result that it was; None where it does not hold."""
    try:
        name = row["micrograph"] or ""
        task = tasks.get(name)
        if row["error"]:
            return PickResult(name, error=row["error"], earlier=True) if task is None else None
        picked = files[name].stat().st_mtime
        if task is not None and task.micrograph.path.stat().st_mtime > picked:
            return None
        return PickResult(
            name if task is None else task.micrograph.name,
            picks=_count(row["picks"]),
            seconds=float(row["seconds"] or ""),
            coordinates=files[name],
            evidence=_number(row["evidence"]),
            evidence_error=_number(row["evidence_error"]),
            left_out=int(row["left_out"] or ""),
            doubt=row["doubt"] or "",
            earlier=True,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _count(text: str | None) -> int:
    if not text or len(text) > _DIGITS:
        raise ValueError
    return int(text)


def _number(text: str | None) -> float:
    return float(text) if text else math.nan


def recorded(file: Path) -> dict[str, Any]:
    """The settings of an earlier run; empty where there are none that can be read."""
    try:
        return read_run_file(file, quiet=True) if is_file(file) else {}
    except UserError:
        return {}


def check_same(run: PickRun, in_force: Mapping[str, Any], file: Path) -> None:
    """Refuse to go on where the settings are others than those that the finished micrographs were picked with.

    Parameters
    ----------
    run, in_force
        The run, and the settings of its picker that are in force.
    file
        The settings of the earlier run.

    Raises
    ------
    UserError
        Naming what is different.
    """
    before, hint = recorded(file), _HINT
    if not before:
        raise UserError(f"{file.parent} holds picks, and {file.name} does not say how they were made.", hint)
    now: dict[str, Any] = {name: getattr(run, name) for name in _TOLD} | {"version": version("napari-drpnet")}
    pairs = [(name, before.get(name), value) for name, value in now.items()]
    options = before.get("options", {})
    if before.get("picker") == run.picker:
        pairs += [(name, options.get(name), value) for name, value in in_force.items() if name not in NO_PICK]
    if run.decision is not None:
        decided = before.get("decision") or {}
        pairs.append(("threshold decided", decided.get("threshold"), run.decision.threshold))
    other = [f"{name} {_said(then)}, now {_said(value)}" for name, then, value in pairs if then != value]
    if other:
        more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        raise UserError(
            f"{file.parent} holds picks that were made with other settings: {'; '.join(other[:_SHOWN])}{more}.",
            hint,
        )


def check_older(picker: LoadedPicker, earlier: Sequence[PickResult]) -> None:
    """Refuse to go on where a network or another file of the picker was written after micrographs were picked.

    Raises
    ------
    UserError
        Naming the file.
    """
    picked = [result.coordinates.stat().st_mtime for result in earlier if result.coordinates is not None]
    # What it learns itself is written by the run.
    files = [Path(file) for name, file in picker.settings.files.items() if not picker.learns or name != "weights"]
    for file in files:
        if picked and is_file(file) and file.stat().st_mtime > min(picked):
            raise UserError(f"{shown(file)} was changed after micrographs had been picked with it.", _HINT)


def _said(value: Any) -> str:
    return "none" if value is None else cut(str(value), _LONGEST)
