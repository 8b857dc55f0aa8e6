"""Pick micrographs: how one is picked, everywhere; and a run over files: one STAR file each, the lists, a summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from warnings import warn

from napari_drpnet.data import Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.interruption import unbroken
from napari_drpnet.io import write_picks
from napari_drpnet.io.images import read_single
from napari_drpnet.io.lock import alone_in
from napari_drpnet.jobs.inputs import PickTask, Refusal, find_micrographs
from napari_drpnet.jobs.pick_report import PickLists, PickReport, PickResult, doubtful_size
from napari_drpnet.jobs.run_file import write_run_file
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.picker import Reader
from napari_drpnet.pickers.protocol.registry import load_picker
from napari_drpnet.settings import PickRun
from napari_drpnet.steps import Job, Progress, translate, within


@dataclass(frozen=True, eq=False)
class Found:
    """What a picker found on one micrograph.

    Attributes
    ----------
    score_map
        With every candidate, for other thresholds.
    picks
        At the threshold and the minimum distance of its settings.
    """

    score_map: ScoreMap
    picks: Picks


def find(picker: LoadedPicker, micrograph: Micrograph, here: Progress) -> Job[Found]:
    """Pick one micrograph, told as part of the run that is ``here``; nothing is written."""
    if doubt := doubtful_size(micrograph.frame, picker.settings.diameter):
        warn(doubt, stacklevel=2)  # Python shows a sentence once
    score_map = yield from translate(picker.score_steps(micrograph), within(here))
    return Found(score_map, picker.picks_from(score_map))


def pick_one(
    picker: LoadedPicker,
    name: str,
    read: Reader,
    keep: Callable[[Found], tuple[int, Path]],
    note: Callable[[PickResult], None],
    here: Progress,
) -> Job[PickResult]:
    """Read and pick one micrograph, and keep what was found; what is wrong with the micrograph itself is a result.

    Parameters
    ----------
    picker
        Ready to pick.
    name, read
        Of the micrograph, and what reads it.
    keep
        Writes the picks; gives how many there are, and the file.
    note
        Told the result at once: an interruption comes before both or after both.
    here
        The run that this is a part of.
    """
    start = time.perf_counter()
    try:
        found = yield from find(picker, read(), here)
    except UserError as error:
        result = PickResult(name, seconds=time.perf_counter() - start, error=str(error))
        note(result)
        return result
    with unbroken():
        count, coordinates = keep(found)
        result = PickResult(name, count, time.perf_counter() - start, coordinates=coordinates)
        note(result)
    return result


def learn(picker: LoadedPicker, micrographs: Sequence[Reader], keep: Path | None = None) -> Job[bool]:
    """Let a picker that learns from the data set itself do so, unless it already has; others need nothing.

    Parameters
    ----------
    picker
        Any.
    micrographs
        Of the data set, in its order; it reads as many of them as it needs.
    keep
        File for what was learnt, which ``weights`` of the picker's settings takes the next time.

    Returns
    -------
    bool
        Whether it has learnt now.
    """
    if picker.ready:
        return False
    total = len(micrographs)
    yield from translate(picker.learn_steps(micrographs), lambda step: Progress(0, total, 0, step[1], step[0]))
    if keep is not None:
        picker.save(keep)
    return True


def pick(run: PickRun) -> Job[PickReport]:
    """Pick every micrograph of a run.

    Writes ``<micrograph>_autopick.star`` each, ``autopick.star``, ``summary.tsv`` and ``settings.yaml`` to ``run.out``.
    A micrograph that cannot be picked is reported and the others go on. At any moment the lists and the summary tell of
    those that are finished. A picker that learns without labels does so first, from the micrographs of the run; what it
    has learnt is ``<picker>.safetensors`` beside the picks, and the settings name that file.

    Raises
    ------
    UserError
        For unusable settings, when no input means a micrograph, or when the output cannot be written or another process
        writes into it.
    """
    picker = load_picker(run.picker, **run.options)
    tasks, refusals = find_micrographs(run.inputs)
    if not tasks:
        raise (
            refusals[0].error
            if refusals
            else UserError(
                f"{', '.join(run.inputs)}: there are no micrographs.",
                "Name images, a folder, or a STAR file that lists some.",
            )
        )
    with alone_in(run.out):
        return (yield from _pick_all(run, picker, tasks, refusals))


def _pick_all(
    run: PickRun, picker: LoadedPicker, tasks: Sequence[PickTask], refusals: Sequence[Refusal]
) -> Job[PickReport]:
    _record(run, picker)
    learnt = run.out / f"{picker.name}.safetensors"
    if (yield from learn(picker, [partial(read_task, task, run.pixel_size) for task in tasks], learnt)):
        _record(run, picker, weights=learnt.as_posix())

    picks = 0
    with PickLists(run.out) as lists:
        for refusal in refusals:
            lists.add(PickResult(refusal.name, error=str(refusal.error)))
        for done, task in enumerate(tasks):
            here = Progress(done, len(tasks), picks, task.micrograph.name)
            yield here
            read, keep = partial(read_task, task, run.pixel_size), partial(_write, run.out / task.coordinates)
            result = yield from pick_one(picker, task.micrograph.name, read, keep, lists.add, here)
            picks += result.picks
        yield Progress(len(tasks), len(tasks), picks)
    return PickReport(run.out, tuple(lists.results))


def _record(run: PickRun, picker: LoadedPicker, **learnt: str) -> None:
    """Write all that is needed to repeat the run."""
    options = picker.settings.model_dump(mode="json") | learnt
    in_force = {"options": options, "version": version("napari-drpnet")}
    write_run_file(run.model_copy(update=in_force), run.out / "settings.yaml")


def _write(file: Path, found: Found) -> tuple[int, Path]:
    return len(found.picks), write_picks(found.picks, file)


def read_task(task: PickTask, pixel_size: float | None) -> Micrograph:
    """The micrograph of a task; a given pixel size goes before what is known of it."""
    entry = task.micrograph
    return read_single(entry.path, pixel_size or entry.pixel_size, entry.name)
