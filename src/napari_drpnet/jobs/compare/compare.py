"""Run several pickers over the same micrographs, and compare their picks with each other and with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.comparison import Comparison
from napari_drpnet.evaluation.comparison import compare as compared
from napari_drpnet.io.lock import alone_in
from napari_drpnet.jobs.compare.consensus import CONSENSUS, joined, write_set
from napari_drpnet.jobs.compare.contenders import RunningPicker
from napari_drpnet.jobs.compare.lineup import TRUTH, LineUp, line_up
from napari_drpnet.jobs.compare.prove import proved
from napari_drpnet.jobs.compare.report.write import write_files
from napari_drpnet.jobs.compare.result import ComparisonReport
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.pick_report import remarks
from napari_drpnet.jobs.picked_files import read_task
from napari_drpnet.settings import ComparisonSettings
from napari_drpnet.steps import Job, Progress, one_of, translate

# Headers are often rounded.
_SAME_PIXEL_SIZE = 0.01


def run_comparison(settings: ComparisonSettings, least: int = 2) -> Job[ComparisonReport]:
    """Run pickers, read sets of picks, compare all, and write what a reader wants to see.

    Writes the picks of each picker as `pick` does to a folder of its name, and ``table.csv``, ``agreement.csv``,
    ``micrographs.csv``, ``curves.png`` where there is a truth, ``averages/``, ``overlays/`` and ``report.html``. Each
    micrograph is read once for all pickers, and those that are drawn or averaged once more. A picker or a set of picks
    that cannot be used is reported and the others go on; so is a micrograph. When the run is stopped, the picks that
    are finished stay.

    Raises
    ------
    UserError
        For unusable settings, when no micrograph or fewer than ``least`` sets can be used, for a truth that cannot be
        read or has no micrograph in common, or when the output cannot be written.
    """
    entered = line_up(settings, least)
    with alone_in(settings.out):
        yield from _run(entered.runners, entered.tasks, settings)
        report = yield from proved(_judge(settings, entered), entered.runners)
        yield from write_files(report)
    return report


def _run(runners: Sequence[RunningPicker], tasks: Sequence[PickTask], settings: ComparisonSettings) -> Job[None]:
    """Every picker on every micrograph, each of which is read once."""
    readers = [partial(read_task, task, settings.pixel_size) for task in tasks]
    for runner in runners:
        yield from runner.learn(readers)
    able = [runner for runner in runners if not runner.problem]
    try:
        for done, (task, read) in enumerate(zip(tasks, readers, strict=True) if able else ()):
            found = sum(result.picks for runner in able for result in runner.results)
            yield Progress(done, len(tasks), found, task.micrograph.name)
            try:
                micrograph = read()
            except UserError as error:
                for runner in able:
                    runner.refuse(task, error)
                continue
            yield from _everyone(able, micrograph, task, Progress(done, len(tasks), found))
        for runner in able:
            yield from runner.settle(partial(read_task, pixel_size=settings.pixel_size))
    finally:
        for runner in runners:
            runner.close()


def _everyone(runners: Sequence[RunningPicker], micrograph: Micrograph, task: PickTask, here: Progress) -> Job[None]:
    """Every picker on one micrograph, told as parts of it."""
    for i, runner in enumerate(runners):
        told = replace(here, message=f"{task.micrograph.name}: {runner.name}")
        yield from translate(runner.find(micrograph, task, told), one_of(i, len(runners)))


def _judge(settings: ComparisonSettings, entered: LineUp) -> ComparisonReport:
    """Compare what was picked and read; writes the consensus, which is one of the sets."""
    pixel_size = float(np.median(entered.pixel_sizes))
    radius = settings.radius_fraction * settings.diameter / pixel_size
    edge = settings.diameter / 2 / pixel_size if settings.edge is None else settings.edge
    picked = [runner for runner in entered.runners if runner.shown]
    judge = settings.truth if entered.truth is None else TRUTH
    failed = (*entered.failed, *_failures(entered.runners))
    sets = {one.name: tuple(one.shown) for one in picked} | {one.name: one.picks for one in entered.files}
    _check_picks(sets, None if entered.truth else judge, failed)
    notes = [*_notes(entered), *_add_consensus(sets, settings, entered, judge, radius)]
    if entered.truth is not None:
        sets[TRUTH] = entered.truth.picks
    result = compared(sets, radius, judge, edge, {one.name: one.every for one in picked})
    _check_common(result, judge)
    return ComparisonReport(
        settings,
        entered.tasks,
        sets,
        result,
        pixel_size,
        radius,
        edge,
        {one.name: one.cpu_seconds for one in picked},
        {one.name: one.in_force for one in entered.runners},
        failed,
        (*notes, *result.warnings),
    )


def _check_picks(sets: dict[str, tuple[Picks, ...]], truth: str | None, failed: Sequence[tuple[str, str]]) -> None:
    """Somebody could pick, and so could the set that is to be the truth."""
    if sets and (truth is None or truth in sets):
        return
    who = f"The truth {truth} has no" if sets else "Nobody has"
    raise UserError(" ".join([f"{who} picks.", *(f"{name}: {reason}" for name, reason in failed[:1])]))


def _add_consensus(
    sets: dict[str, tuple[Picks, ...]], settings: ComparisonSettings, entered: LineUp, truth: str | None, radius: float
) -> list[str]:
    """Make and write the consensus of all sets but the truth, where one is wanted; gives what a user should know."""
    others = {name: picks for name, picks in sets.items() if name != truth}
    if settings.consensus is None:
        return []
    if settings.consensus > len(others):
        return [f"There is no consensus of {settings.consensus} sets, as only {len(others)} have picks."]
    sets[CONSENSUS], told = joined(others, radius, settings.consensus)
    places = {task.micrograph.name: task.coordinates for task in entered.tasks}
    write_set(sets[CONSENSUS], settings.out / CONSENSUS, places)
    return told


def _notes(entered: LineUp) -> list[str]:
    """What was left out of files, which picks are oddly few, and whether one radius fits all micrographs."""
    read = (*entered.files, *([entered.truth] if entered.truth else ()))
    odd = [f"{runner.name}: {note}" for runner in entered.runners for note in remarks(runner.results)]
    return [*(note for one in read for note in one.notes), *odd, *_pixel_sizes(entered.tasks, entered.pixel_sizes)]


def _failures(runners: Sequence[RunningPicker]) -> list[tuple[str, str]]:
    """Why pickers could not pick, once for each reason."""
    told: list[tuple[str, str]] = []
    for runner in runners:
        if runner.problem:
            told.append((runner.name, runner.problem))
        told += [(f"{runner.name} on {one.micrograph}", one.error) for one in runner.results if one.error]
    return told


def _check_common(result: Comparison, truth: str | None) -> None:
    if truth is not None and all(standing.evaluation is None for standing in result.standings):
        raise UserError(
            f"The truth {truth} has no micrograph in common with any set of picks.",
            "Files belong together by the micrograph's name: a_autopick.star to a.mrc.",
        )


def _pixel_sizes(tasks: Sequence[PickTask], sizes: Sequence[float]) -> list[str]:
    low, high = int(np.argmin(sizes)), int(np.argmax(sizes))
    if sizes[high] <= sizes[low] * (1 + _SAME_PIXEL_SIZE):
        return []
    return [
        f"The pixel sizes differ: {tasks[low].micrograph.name} has {sizes[low]:g} A, {tasks[high].micrograph.name} "
        f"{sizes[high]:g} A. One radius in pixels is used for all: compare them apart."
    ]
