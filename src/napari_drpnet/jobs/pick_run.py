"""A run of picking over files: one STAR file each, the lists, a summary, and what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from napari_drpnet.data import Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.io import write_picks
from napari_drpnet.io.images import read_single
from napari_drpnet.io.lock import alone_in
from napari_drpnet.jobs.inputs import PickTask, Refusal, find_micrographs
from napari_drpnet.jobs.judging import Judgement, judged_before, kept, with_averages
from napari_drpnet.jobs.pick_report import PickLists, PickReport, PickResult
from napari_drpnet.jobs.picking import Found, Item, Terms, learn, pick_each
from napari_drpnet.jobs.run_file import recorded_decision, write_run_file
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.registry import load_picker
from napari_drpnet.settings import AUTO, PickRun
from napari_drpnet.steps import Job

_SETTINGS, _SAMPLE = "settings.yaml", ".sample"


def pick(run: PickRun) -> Job[PickReport]:
    """Pick every micrograph of a run.

    Writes ``<micrograph>_autopick.star`` each, ``autopick.star``, ``summary.tsv`` and ``settings.yaml`` to ``run.out``.
    Where the threshold is to be chosen, it is measured on a sample first (`picking.pick_each`); a decision of an
    earlier run into the same folder, or of the settings that are repeated, holds unless ``auto`` is asked for anew.
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
    known = _known(run, picker)
    _record(run, picker, known)
    learnt: dict[str, str] = {}
    file = run.out / f"{picker.name}.safetensors"
    if (yield from learn(picker, [partial(read_task, task, run.pixel_size) for task in tasks], file)):
        learnt = {"weights": file.as_posix()}
        _record(run, picker, known, learnt)

    decided = [known] if known else []

    def tell(judgement: Judgement) -> None:
        decided.append(kept(judgement, run.out))
        _record(run, picker, decided[-1], learnt)

    with PickLists(run.out) as lists:
        refused = [PickResult(refusal.name, error=str(refusal.error)) for refusal in refusals]
        for result in refused:
            lists.add(result)
        items = [_item(run, task) for task in tasks]
        terms = Terms(run.out / _SAMPLE, known, keep_unproved=run.keep_unproved, tell=tell)
        lists.results = [*refused, *(yield from pick_each(picker, items, lists.add, terms))]
    if not decided:
        return PickReport(run.out, tuple(lists.results))
    now = decided[-1]
    return PickReport(run.out, tuple(lists.results), now.decision, bool(known), now.seconds)


def _item(run: PickRun, task: PickTask) -> Item:
    read, keep = partial(read_task, task, run.pixel_size), partial(_write, run.out / task.coordinates)
    return Item(task.micrograph.name, read, keep)


def _known(run: PickRun, picker: LoadedPicker) -> Judgement | None:
    """What was decided before and holds now; a number that is given counts on what was measured then."""
    if run.options.get("threshold") == AUTO:
        return None
    if run.decision is None:
        return with_averages(judged_before(recorded_decision(run.out / _SETTINGS), picker), picker, run.out)
    known = with_averages(judged_before(run.decision, picker), picker, run.decided_in or run.out)
    return kept(known, run.out) if known else None


def _record(
    run: PickRun, picker: LoadedPicker, judgement: Judgement | None, learnt: dict[str, str] | None = None
) -> None:
    """Write all that is needed to repeat the run."""
    threshold = {"threshold": AUTO} if picker.auto else {}
    options = picker.settings.model_dump(mode="json") | threshold | (learnt or {})
    decision = None if judgement is None else judgement.decision
    in_force = {"options": options, "decision": decision, "version": version("napari-drpnet")}
    write_run_file(run.model_copy(update=in_force), run.out / _SETTINGS)


def _write(file: Path, found: Found) -> tuple[int, Path]:
    return len(found.picks), write_picks(found.picks, file)


def read_task(task: PickTask, pixel_size: float | None) -> Micrograph:
    """The micrograph of a task; a given pixel size goes before what is known of it."""
    entry = task.micrograph
    return read_single(entry.path, pixel_size or entry.pixel_size, entry.name)
