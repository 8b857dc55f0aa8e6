"""What takes part in a comparison: pickers on their way through the micrographs, and sets of picks from files."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_drpnet.data import FloatArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.comparison import some
from napari_drpnet.io import write_picks
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.picks.folder import pick_files, with_folders
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.jobs.bench import Bench
from napari_drpnet.jobs.compare.proof import Proof, of_candidates
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.judging import Judgement
from napari_drpnet.jobs.pick_report import PickLists, PickResult
from napari_drpnet.jobs.picking import Found, judged, learn, pick_one, with_own
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.picker import Reader
from napari_drpnet.steps import Job, Progress, translate, within

_BASIS = {"evidence": "evidence", "probabilities": "its probabilities", "rule": "its own rule"}


@dataclass
class RunningPicker:
    """A picker on its way through the micrographs; what is finished is on disk at once.

    Attributes
    ----------
    name, picker, out
        Who picks, and the folder of its picks.
    shown
        Its picks, one entry for each micrograph that it could pick.
    every
        The same at a threshold of 0, for curves over all thresholds.
    cpu_seconds
        Spent on all of them together, learning included.
    problem
        Why it cannot pick at all; empty while it can.
    measures
        Whether evidence is measured where no threshold needs it.
    judgement
        What was decided, where the threshold is to be chosen, once all micrographs are scored.
    proof
        What is expected of its picks, once all micrographs are scored; None where its candidates do not tell.
    """

    name: str
    picker: LoadedPicker
    out: Path
    shown: list[Picks] = field(default_factory=list)
    every: list[Picks] = field(default_factory=list)
    cpu_seconds: float = 0.0
    problem: str = ""
    measures: bool = True
    judgement: Judgement | None = None
    proof: Proof | None = None

    def __post_init__(self) -> None:
        self._lists = PickLists(self.out)
        self._bench = Bench(self.picker)
        self._picked: list[tuple[int, PickTask, ScoreMap]] = []  # with the number of the result

    @property
    def results(self) -> Sequence[PickResult]:
        """What became of each micrograph."""
        return self._lists.results

    @property
    def in_force(self) -> dict[str, Any]:
        """Its settings, with the threshold that was chosen where it was to be."""
        told = self.picker.settings.model_dump(mode="json")
        if self.judgement is None:
            return told
        decision = self.judgement.decision
        return told | {"threshold": f"{decision.threshold:.2f} (auto, by {_BASIS[decision.basis]})"}

    def learn(self, micrographs: Sequence[Reader]) -> Job[None]:
        """Let it learn from the micrographs if it is one that does."""
        start = time.process_time()
        try:
            yield from learn(self.picker, micrographs, self.out / f"{self.name}.safetensors")
        except UserError as error:
            self.problem = str(error)
        self.cpu_seconds += time.process_time() - start

    def find(self, micrograph: Micrograph, task: PickTask, here: Progress) -> Job[None]:
        """Pick one micrograph and write its STAR file; what is wrong with it is a result."""
        start, keep = time.process_time(), partial(self._keep, micrograph, task)
        try:
            yield from pick_one(self.picker, task.micrograph.name, lambda: micrograph, keep, self._lists.add, here)
        finally:
            self.cpu_seconds += time.process_time() - start

    def _keep(self, micrograph: Micrograph, task: PickTask, found: Found) -> tuple[int, Path]:
        written = write_picks(found.picks, self.out / task.coordinates)
        if self.picker.auto:
            self._picked.append((len(self.results), task, replace(found.score_map, values=None)))
        if (self.picker.auto or self.measures) and not self._bench.enough:
            self._bench.add(len(self.shown), micrograph, found.score_map)
        self.shown.append(found.picks)
        self.every.append(self.picker.picks_from(found.score_map, 0.0))
        return len(found.picks), written

    def settle(self, read: Callable[[PickTask], Micrograph]) -> Job[None]:
        """Measure what averages of all micrographs prove, and choose the threshold for all together where it is to be.

        Until then each has the picks that suit it alone. ``read`` gives a micrograph once more, where that is needed.
        """
        if not self.shown or not (self.picker.auto or self.measures):
            return
        start, here = time.process_time(), Progress(0, 1, 0, f"{self.name}: measuring what averages prove")
        yield here
        known = yield from translate(self._bench.decide(), within(here))
        scored = [(every.score, np.full(len(every), np.nan)) for every in self.every]
        if self.picker.auto:
            self.judgement = known
            scored = yield from translate(self._pick_again(known, read), within(here))
            self.cpu_seconds += time.process_time() - start
        if known.decision.basis != "rule":
            probability, evidence = (np.concatenate([np.empty(0), *column]) for column in zip(*scored, strict=True))
            self.proof = self._proved(known, probability, evidence)

    def _pick_again(
        self, known: Judgement, read: Callable[[PickTask], Micrograph]
    ) -> Generator[float, None, list[tuple[FloatArray, FloatArray]]]:
        """Pick all micrographs at the threshold that was chosen.

        Gives the picker's probabilities of all that could be picked, and their evidence, for each micrograph whose
        picks are not left out; yields the fraction done.
        """
        counted = []
        for number, (place, task, score_map) in enumerate(self._picked):
            found = judged(self.picker, known, self._with_evidence(number, known, task, score_map, read))
            write_picks(found.picks, self.out / task.coordinates)
            every, index = found.score_map.candidates, self.picker.pickable(score_map).index
            evidence = np.full(len(index), np.nan) if every.evidence is None else every.evidence[index]
            own = known.own_scores(every.probability[index], evidence)
            self.shown[number], self.every[number] = found.picks, replace(self.every[number], score=own)
            result = replace(self._lists.results[place], picks=len(found.picks))
            self._lists.results[place] = with_own(result, found)
            if not found.left_out:
                counted.append((every.probability[index], evidence))
            yield (number + 1) / len(self._picked)
        return counted

    def _with_evidence(
        self, number: int, known: Judgement, task: PickTask, score_map: ScoreMap, read: Callable[[PickTask], Micrograph]
    ) -> ScoreMap:
        """The candidates of a micrograph, measured where it is in the sample, or can be read again."""
        if self._bench.knows(number) or not known.measures:
            return self._bench.measured(number, known, score_map)
        try:
            return known.measured_on(self.picker, read(task), score_map)
        except UserError:
            return score_map

    def _proved(self, known: Judgement, probability: FloatArray, evidence: FloatArray) -> Proof:
        """What is expected of the picks, from the picker's probabilities of all candidates and their evidence."""
        auto = self.picker.auto
        least = known.decision.threshold if auto else float(known.own_scores(np.array([self.picker.settings.least]))[0])
        return of_candidates(known.shares, probability, evidence, least, sum(map(len, self.shown)))

    def refuse(self, task: PickTask, error: UserError) -> None:
        """A micrograph that nobody can pick."""
        self._lists.add(PickResult(task.micrograph.name, error=str(error)))

    def close(self) -> None:
        """Write the lists of what is finished."""
        self._bench.close()
        if self.results:
            self._lists.close()


@dataclass(frozen=True)
class FilePicks:
    """A set of picks that was read from files.

    Attributes
    ----------
    name
        Of the set.
    picks
        One entry per micrograph, under the name that the comparison has for it.
    notes
        What was left out, and why: a sentence each.
    refused
        Of which micrographs something is there that cannot be used, and why.
    """

    name: str
    picks: tuple[Picks, ...]
    notes: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def read_set(name: str, source: Path, known: KnownMicrographs, alone: bool = True) -> FilePicks:
    """Read a set of picks, and match it with the micrographs.

    Parameters
    ----------
    name
        Of the set.
    source
        A file in any format, or a folder with some.
    known
        The micrographs; where none are listed, picks keep the names of their own.
    alone
        Whether the folder is one of picks, so that other files in it are told of, and what a run wrote is meant.

    Raises
    ------
    UserError
        When nothing can be read, or two files have picks of one micrograph.

    Warns
    -----
    UserWarning
        When pixel sizes differ, with what was done, and for picks that are left out as they lie outside.
    """
    files, passed_over = pick_files(source, runs=alone)
    notes = [f"{name}: {file} is passed over, as it holds no picks." for file in passed_over if alone]
    raw: list[tuple[Picks, Path]] = []
    refused: list[tuple[str, Path, UserError]] = []
    for file in files:
        try:
            raw += [(with_folders(picks, file, source), file) for picks in known.raw(file)]
        except UserError as error:
            if len(files) == 1:
                raise
            refused.append((micrograph_stem(file), file, error))
    known.assign([(picks.frame.micrograph, file) for picks, file in raw])
    found: dict[str, tuple[Path, Picks]] = {}
    for picks, file in _placed(raw, known, refused):
        micrograph = picks.frame.micrograph
        if micrograph in found:
            raise UserError(
                f"{file}: picks of {micrograph}, of which {found[micrograph][0]} has some, too.",
                "Keep one file for each micrograph.",
            )
        found[micrograph] = (file, picks)
    notes += [f"{name}: {error}" for _, _, error in refused]
    strange = [micrograph for micrograph in found if known.names and micrograph not in known.names]
    if strange:
        notes.append(
            f"{name}: left out, as they are of no micrograph that takes part, or like several: {some(strange)}."
        )
    kept = tuple(picks for micrograph, (_, picks) in found.items() if micrograph not in strange)
    if not kept:
        raise UserError(f"{source}: nothing of it can be used. {' '.join(notes)}", "Check the names and the files.")
    owners = [(known.entry(called, file), error) for called, file, error in refused]
    return FilePicks(name, kept, tuple(notes), {owner.name: str(error) for owner, error in owners if owner})


def _placed(
    raw: Sequence[tuple[Picks, Path]], known: KnownMicrographs, refused: list[tuple[str, Path, UserError]]
) -> list[tuple[Picks, Path]]:
    """The picks in the pixels of their micrographs, and within those; ``refused`` takes what is wrong with some."""
    by_file: dict[Path, list[Picks]] = {}
    for picks, file in raw:
        by_file.setdefault(file, []).append(picks)
    placed: list[tuple[Picks, Path]] = []
    for file, entries in by_file.items():
        try:
            placed += [(picks, file) for picks in known.within(entries, file)]
        except UserError:
            if len(raw) == 1:
                raise
            placed += [(picks, file) for picks in _one_by_one(entries, file, known, refused)]
    return placed


def _one_by_one(
    entries: Sequence[Picks],
    file: Path,
    known: KnownMicrographs,
    refused: list[tuple[str, Path, UserError]],
) -> list[Picks]:
    """What can be used of a file in which something is wrong with some micrograph."""
    usable: list[Picks] = []
    for one in entries:
        try:
            usable += known.within([one], file)
        except UserError as error:
            refused.append((one.frame.micrograph, file, error))
    return usable
