"""Who is scored on a set: a picker that is run, or picks that are read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import write_picks
from napari_drpnet.jobs.benchmark.labelled_set import Labelled, LabelledSet, digest, heard, picks_digest
from napari_drpnet.jobs.compare.contenders import read_set
from napari_drpnet.jobs.judging import Judgement, made_for
from napari_drpnet.jobs.pick_report import PickLists
from napari_drpnet.jobs.picked_files import read_task
from napari_drpnet.jobs.picking import Found, Item, Terms, learn, pick_each
from napari_drpnet.jobs.prospect import in_words
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.registry import load_picker
from napari_drpnet.settings import NO_PICK, BenchmarkSettings, EntryFacts
from napari_drpnet.steps import Job

NO_PICKS = "There are no picks of it."


@dataclass(eq=False)
class Entered:
    """An entry with its picks, before they are scored.

    Attributes
    ----------
    facts
        Who it is.
    in_force
        Picks at its threshold, by the name of the micrograph in results.
    every
        All that it could pick, with scores.
    not_scored
        Why micrographs are missing, by that name.
    notes
        What a reader should know: a sentence each.
    """

    facts: EntryFacts
    in_force: dict[str, Picks] = field(default_factory=dict)
    every: dict[str, Picks] = field(default_factory=dict)
    not_scored: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_entry(name: str, source: Path, known: LabelledSet) -> Entered:
    """Picks of any program, from a file or a folder with some.

    Raises
    ------
    UserError
        When nothing of it can be used.
    """
    with heard() as told:
        read = read_set(name, source, known.known)
    picks = {one.frame.micrograph: one.select(one.label != "background") for one in read.picks}
    every, not_scored = {}, {}
    for labelled in known.micrographs:
        found = picks.get(labelled.task.micrograph.name)
        if found is None:
            not_scored[labelled.name] = read.refused.get(labelled.task.micrograph.name, NO_PICKS)
        else:
            every[labelled.name] = found
    if not every:
        raise UserError(
            f"{source}: it has picks of no micrograph of {known.name} that is labelled.",
            "Check the names of the micrographs.",
        )
    facts = EntryFacts(
        name=name,
        kind="picks",
        made_by=source.name,
        threshold="as they are in the files",
        digests={"picks": digest(f"{one} {picks_digest(every[one])}" for one in sorted(every))},
    )
    return Entered(facts, every, every, not_scored, [*told, *read.notes])


def run_entry(name: str, picker_name: str, known: LabelledSet, settings: BenchmarkSettings, out: Path) -> Job[Entered]:
    """Run a picker on the micrographs of a set, as ``pick`` does; the labels are not shown to it.

    Writes its picks, and lists of them, to ``out``. A micrograph that it cannot pick is not scored, with the reason.

    Raises
    ------
    UserError
        For unusable settings, when it can pick no micrograph, or the folder cannot be written.
    """
    shared = {"diameter": known.diameter, "invert": known.settings.invert, "device": settings.device}
    picker = load_picker(picker_name, **shared | settings.options.get(name, {}))
    work = _Work(picker, known, out)
    start = time.process_time()
    yield from learn(picker, [partial(_read, one, known) for one in known.micrographs])
    with PickLists(out) as lists:
        items = [work.item(one) for one in known.micrographs]
        results = yield from pick_each(picker, items, lists.add, Terms(out / ".sample", tell=work.judgements.append))
    seconds = (time.process_time() - start) / len(items)
    if not work.in_force:
        raise UserError(f"{name} could pick no micrograph of {known.name}. {results[0].error}")
    facts = EntryFacts(
        name=name,
        kind="picker",
        made_by=picker_name,
        threshold=_threshold(picker, work.judgements),
        options={key: value for key, value in picker.in_force.items() if key not in NO_PICK},
        digests={key: value for key, value in made_for(picker).items() if key in picker.settings.files},
        cpu_seconds=round(seconds, 3),
    )
    pairs = list(zip(known.micrographs, results, strict=True))
    not_scored = {one.name: result.error for one, result in pairs if result.error}
    notes = [
        f"{one.name}: {result.left_out} picks are left out. {result.doubt}" for one, result in pairs if result.doubt
    ]
    return Entered(facts, work.in_force, work.every, not_scored, notes)


@dataclass(eq=False)
class _Work:
    """What a picker found so far."""

    picker: LoadedPicker
    known: LabelledSet
    out: Path
    judgements: list[Judgement] = field(default_factory=list)
    in_force: dict[str, Picks] = field(default_factory=dict)
    every: dict[str, Picks] = field(default_factory=dict)

    def item(self, one: Labelled) -> Item:
        return Item(one.task.micrograph.name, partial(_read, one, self.known), partial(self._keep, one))

    def _keep(self, one: Labelled, found: Found) -> tuple[int, Path]:
        self.in_force[one.name] = found.picks
        # By the picker's own scores: those of the data set, by which the threshold is chosen, are different each time.
        self.every[one.name] = self.picker.picks_from(found.score_map, 0.0)
        return len(found.picks), write_picks(found.picks, self.out / one.task.coordinates)


def _read(one: Labelled, known: LabelledSet) -> Micrograph:
    return read_task(one.task, known.settings.pixel_size)


def _threshold(picker: LoadedPicker, judgements: list[Judgement]) -> str:
    if judgements:
        return " ".join(in_words(judgements[-1].decision).split())
    return f"{picker.settings.least:g}, as given"
