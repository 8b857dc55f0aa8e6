"""A run of picking over files: one STAR file each, the lists, a summary, and what was decided."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from warnings import warn

from napari_drpnet.errors import UserError
from napari_drpnet.io.lock import alone_in
from napari_drpnet.jobs.cluster.team import end_marks, team
from napari_drpnet.jobs.crew import usual_size
from napari_drpnet.jobs.inputs import PickTask, Refusal, find_micrographs
from napari_drpnet.jobs.judging import Judgement, judged_before, kept, with_averages
from napari_drpnet.jobs.pick_progress import Finished
from napari_drpnet.jobs.pick_report import PickLists, PickReport, PickResult
from napari_drpnet.jobs.picked_files import Items, read_task
from napari_drpnet.jobs.picking import Terms, learn, pick_each
from napari_drpnet.jobs.resume import check_older, check_same, finished, recorded
from napari_drpnet.jobs.run_file import SETTINGS, recorded_decision, write_run_file
from napari_drpnet.jobs.run_page.keep import RunPage, page_in
from napari_drpnet.jobs.run_page.keep import kept as kept_page
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.registry import load_picker
from napari_drpnet.settings import AUTO, PickRun
from napari_drpnet.steps import Job, translate

WEIGHTS, _SAMPLE = ".safetensors", ".sample"


def pick(run: PickRun) -> Job[PickReport]:
    """Pick every micrograph of a run.

    Writes ``<micrograph>_autopick.star`` each, ``autopick.star``, ``summary.tsv`` and ``settings.yaml`` to ``run.out``;
    of a part of a run, all but the first to its own folder.
    Micrographs that an earlier run into the folder finished, with the same settings, are not picked again.
    Where the threshold is to be chosen, it is measured on a sample first (`picking.pick_each`); a decision of an
    earlier run into the same folder, or of the settings that are repeated, holds unless ``auto`` is asked for anew.
    A micrograph that cannot be picked is reported and the others go on. At any moment the lists and the summary tell of
    those that are finished. A picker that learns without labels does so first, from the micrographs of the run; what it
    has learnt is ``<picker>.safetensors`` beside the picks, and the settings name that file.

    Raises
    ------
    UserError
        For unusable settings, when no input means a micrograph, when the folder holds picks of other settings, or when
        it cannot be written or another process writes into it.
    """
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
    picker = picker_of(run)
    with alone_in(run.folder), kept_page(page_in(run.folder)) as page:
        return (yield from pick_tasks(run, picker, tasks, refusals, page))


def picker_of(run: PickRun) -> LoadedPicker:
    """The picker of a run, with what it learnt in an earlier run into the folder.

    Raises
    ------
    UserError
        For unusable settings.
    """
    return load_picker(run.picker, **_as_learnt(run).options)


def _as_learnt(run: PickRun) -> PickRun:
    """The run with what its picker learnt in an earlier run into the folder, unless all is to be anew."""
    if _anew(run):
        return run
    before, learnt = recorded(run.folder / SETTINGS), (run.out / f"{run.picker}{WEIGHTS}").as_posix()
    if before.get("picker") != run.picker or before.get("options", {}).get("weights") != learnt:
        return run
    return run.model_copy(update={"options": {"weights": learnt} | run.options})


def _anew(run: PickRun) -> bool:
    return run.again or run.options.get("threshold") == AUTO


def _outgrown(run: PickRun, picker: LoadedPicker, tasks: Sequence[PickTask], earlier: Sequence[PickResult]) -> bool:
    """Whether the threshold was chosen on so few micrographs that it is chosen anew: there are twice as many now."""
    decision = recorded_decision(run.folder / SETTINGS) if picker.auto and run.decision is None else None
    names = {task.micrograph.name for task in tasks}
    if decision is None or not decision.outgrown_by(len(names)):
        return False
    if not {result.micrograph for result in earlier if not result.error} <= names:
        return False  # those that are not picked now keep their picks, and so the others keep to their threshold
    warn(
        f"The threshold was chosen when there were {decision.micrographs} micrographs; now there are {len(names)}. "
        "It is chosen anew, and all are picked with it.",
        stacklevel=2,
    )
    return True


def pick_tasks(
    run: PickRun, picker: LoadedPicker, tasks: Sequence[PickTask], refusals: Sequence[Refusal], page: RunPage
) -> Job[PickReport]:
    """`pick`, of these micrographs, with a page that is written now and then; the folder is locked already."""
    run = _as_learnt(run)
    start = time.perf_counter()
    mine = [number for number in range(len(tasks)) if run.is_mine(number)]
    earlier = [] if _anew(run) else finished(run.folder, [tasks[number] for number in mine])
    if earlier:
        check_same(run, picker.in_force, run.folder / SETTINGS)
        check_older(picker, earlier)
    outgrown = _outgrown(run, picker, tasks, earlier)
    if outgrown:
        earlier = []
    if earlier:
        inputs = dict.fromkeys((*recorded(run.folder / SETTINGS).get("inputs", ()), *run.inputs))
        run = run.model_copy(update={"inputs": tuple(inputs)})
    done = set(map(_name, earlier))
    left = [number for number in mine if tasks[number].micrograph.name not in done]
    known = None if outgrown else _known(run, picker)
    learnt: dict[str, str] = {}
    file = run.out / f"{picker.name}{WEIGHTS}"
    if (yield from learn(picker, [partial(read_task, task, run.pixel_size) for task in tasks], file)):
        learnt = {"weights": file.as_posix()}

    decided = [known] if known else []

    def tell(judgement: Judgement) -> None:
        decided.append(kept(judgement, run.folder))
        _record(run, picker, decided[-1], learnt)

    terms = Terms(run.folder / _SAMPLE, known, run.keep_unproved, tell, run.workers or usual_size())
    end_marks(run.folder)
    others = team(run, picker.in_force | learnt, tasks) if run.cluster and left else nullcontext()
    with others as elsewhere, PickLists(run.folder, earlier) as lists:  # nothing changes where nobody can pick
        _record(run, picker, known, learnt)
        refused = refusals if run.is_mine(0) else ()
        new = Finished(lists.add, len(lists.results), len(lists.results) + len(left) + len(refused))
        for refusal in refused:
            new.note(PickResult(refusal.name, error=str(refusal.error)))
        called = {task.micrograph.name: task for task in tasks}
        page.follow(
            lambda: lists.results,
            [tasks[number].micrograph.name for number in mine],
            lambda name: read_task(called[name], run.pixel_size),
            lambda: len(lists.results),
        )
        items = Items(tasks, run.out, run.pixel_size)
        work = pick_each(picker, items, new.note, replace(terms, elsewhere=elsewhere), left)
        yield from translate(work, lambda step: new.told(page.beside(step)))
        lists.results = _in_order(lists.results, tasks)
    decision = decided[-1].decision if decided else None
    return PickReport(run.folder, tuple(lists.results), decision, known is not None, time.perf_counter() - start)


def _name(result: PickResult) -> str:
    return result.micrograph


def _in_order(results: Sequence[PickResult], tasks: Sequence[PickTask]) -> list[PickResult]:
    """First what is not of this run's micrographs, then these in their order."""
    order = {task.micrograph.name: number for number, task in enumerate(tasks)}
    return sorted(results, key=lambda result: order.get(result.micrograph, -1))


def _known(run: PickRun, picker: LoadedPicker) -> Judgement | None:
    """What was decided before and holds now; a number that is given counts on what was measured then."""
    if run.options.get("threshold") == AUTO:
        return None
    if run.decision is None:
        return with_averages(judged_before(recorded_decision(run.folder / SETTINGS), picker), picker, run.folder)
    known = with_averages(judged_before(run.decision, picker), picker, run.decided_in or run.folder)
    return kept(known, run.folder) if known else None


def _record(
    run: PickRun, picker: LoadedPicker, judgement: Judgement | None, learnt: dict[str, str] | None = None
) -> None:
    """Write all that is needed to repeat the run."""
    options = picker.in_force | (learnt or {})
    decision = None if judgement is None else judgement.decision
    in_force = {"options": options, "decision": decision, "version": version("napari-drpnet")}
    write_run_file(run.model_copy(update=in_force), run.folder / SETTINGS)
