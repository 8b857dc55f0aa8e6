"""Join the parts of a run that jobs of a cluster picked."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from warnings import warn

from napari_drpnet.errors import UserError
from napari_drpnet.io.averages import AVERAGES
from napari_drpnet.io.files import atomic_write
from napari_drpnet.io.lock import alone_in
from napari_drpnet.io.paths import is_dir, is_file
from napari_drpnet.jobs.inputs import find_micrographs
from napari_drpnet.jobs.later_page import earlier_page
from napari_drpnet.jobs.pick_report import PickLists, PickReport, PickResult
from napari_drpnet.jobs.resume import all_finished
from napari_drpnet.jobs.run_file import SETTINGS, read_run_file, write_run_file
from napari_drpnet.settings import PARTS, PickRun, validated

# What may differ between the parts of a run.
_OWN = ("part", "inputs")
_SHOWN = 3


def collect(out: Path) -> PickReport:
    """Write the lists, the summary and the settings of a run that was picked in parts, as if it had been one.

    It may be called while parts are still being picked, and again later.

    Parameters
    ----------
    out
        The folder of the run.

    Raises
    ------
    UserError
        When there is no part, or parts were picked with different settings.

    Warns
    -----
    UserWarning
        When micrographs, or whole parts, are missing.
    """
    folders = sorted(path.parent for path in (out / PARTS).glob(f"*/{SETTINGS}")) if is_dir(out / PARTS) else []
    if not folders:
        raise UserError(f"{out} has no parts.", "Pick some: napari-drpnet pick ... --part 1/10.")
    parts = [validated(PickRun, _fields(folder)) for folder in folders]
    whole = _whole(parts, folders)
    with alone_in(out):
        every = [result for folder in folders for result in all_finished(folder)]
        results = _in_order(whole, every)
        with PickLists(out, results) as lists:
            pass
        _copy_averages(folders[0], out)
        write_run_file(whole, out / SETTINGS)
        earlier_page(out, lists.results).write()
    return PickReport(out, tuple(lists.results), whole.decision, kept=True)


def _fields(folder: Path) -> dict[str, Any]:
    return read_run_file(folder / SETTINGS, quiet=True)


def _whole(parts: Sequence[PickRun], folders: Sequence[Path]) -> PickRun:
    """The run that the parts are of.

    A micrograph is picked by the threshold of the data set: parts that chose another one do not belong together.
    """
    first = parts[0]
    told = first.model_dump(exclude=set(_OWN))
    for part, folder in zip(parts, folders, strict=True):
        if not part.part:
            raise UserError(f"{folder} holds a whole run, not a part of one.", "Move it out of the folder of parts.")
        other = [name for name, value in part.model_dump(exclude=set(_OWN)).items() if value != told[name]]
        if other:
            raise UserError(
                f"{folder} was picked with other settings than {folders[0]}: {', '.join(other)}.",
                "Delete the folders of parts that do not belong to the run, or pick them anew with --again.",
            )
    counts = {part.part.partition("/")[2] for part in parts}
    if len(counts) > 1:
        raise UserError(
            f"{folders[0].parent} has parts of several divisions: of {' and of '.join(sorted(counts))}.",
            "Delete the folders of those that do not count.",
        )
    if (count := int(*counts)) > len(parts):
        warn(f"{len(parts)} of {count} parts are there.", stacklevel=2)
    inputs = dict.fromkeys(text for part in parts for text in part.inputs)
    return first.model_copy(update={"part": "", "inputs": tuple(inputs)})


def _in_order(run: PickRun, every: Sequence[PickResult]) -> list[PickResult]:
    """Results in the order of the run's micrographs; those of others last. Tells which are missing."""
    tasks, _ = find_micrographs(run.inputs)
    order = {task.micrograph.name: number for number, task in enumerate(tasks)}
    there = {result.micrograph for result in every}
    missing = [name for name in order if name not in there]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        warn(
            f"{len(missing)} of {len(order)} micrographs are not picked yet: {', '.join(missing[:_SHOWN])}{more}.",
            stacklevel=2,
        )
    return sorted(every, key=lambda result: order.get(result.micrograph, len(order)))


def _copy_averages(folder: Path, out: Path) -> None:
    """The averages that later micrographs are judged by, which are the same in all parts."""
    if is_file(folder / AVERAGES):
        with atomic_write(out / AVERAGES) as temporary:
            shutil.copyfile(folder / AVERAGES, temporary)
