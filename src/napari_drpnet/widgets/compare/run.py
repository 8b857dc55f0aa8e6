"""Run several pickers on one micrograph: what each found, or why it could not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_drpnet import jobs
from napari_drpnet.averaging.shares import unmeasured_shares
from napari_drpnet.data import Micrograph, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.pickers import available_pickers, load_picker, needs_diameter, settings_class
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.picker import Reader
from napari_drpnet.steps import translate, within
from napari_drpnet.widgets.compare.sets import Known, Outcome
from napari_drpnet.widgets.kit.source import ChosenImage


@dataclass(frozen=True, eq=False)
class Found:
    """What became of one picker.

    Attributes
    ----------
    name
        Of the picker.
    outcome
        What it found; None when it failed.
    finds_sizes
        Whether it was told no diameter.
    problem
        Why it failed; empty when it did not.
    """

    name: str
    outcome: Outcome | None = None
    finds_sizes: bool = False
    problem: str = ""


@dataclass(frozen=True, eq=False)
class School:
    """The data set: micrographs that a picker may learn from, and what was decided for it before.

    Attributes
    ----------
    key
        What was learnt from one is no good for another.
    readers
        Each reads one of its micrographs.
    known
        What is known of it for a picker; None where nothing is, and one micrograph has to do.
    """

    key: Any
    readers: Sequence[Reader]
    known: Callable[[LoadedPicker], jobs.Judgement | None] = lambda _: None


class LoadedPickers:
    """Pickers with their settings, kept from run to run: what they loaded and learnt serves the next micrograph."""

    def __init__(self) -> None:
        self._ready: dict[str, tuple[Any, LoadedPicker]] = {}

    def picker(self, name: str, settings: Mapping[str, Any], school: School) -> jobs.Job[LoadedPicker]:
        """A picker that is ready to pick; one that learns from micrographs does so first, once for a data set."""
        fields = own_settings(name, settings)
        key = (fields, school.key)
        known, picker = self._ready.get(name, (None, None))
        if picker is None or key != known:
            picker = load_picker(name, **fields)
            yield from jobs.learn(picker, school.readers)
            self._ready[name] = key, picker
        return picker


def own_settings(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the common settings that a picker has; one that finds out the diameter itself is told none."""
    fields = settings_class(name).model_fields
    own = {key: value for key, value in settings.items() if key in fields}
    if not needs_diameter(name):
        own.pop("diameter", None)
    return own


def problems() -> dict[str, str]:
    """All pickers, and why one of them cannot be loaded; empty for those that can. Imports what they need."""
    return {name: _problem(name) for name in available_pickers()}


def _problem(name: str) -> str:
    try:
        settings_class(name)
    except Exception as error:  # whatever another package does wrong, the others go on
        return said(error)
    return ""


def said(error: Exception) -> str:
    """An error in words; one that is not meant for users with its kind."""
    return error.plain if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def run_pickers(
    crew: LoadedPickers,
    names: Sequence[str],
    settings: Mapping[str, Any],
    source: ChosenImage,
    school: School,
    found: list[Found],
    measure: bool = False,
) -> jobs.Job[None]:
    """Run each picker; runs in a thread and touches no layer.

    Parameters
    ----------
    crew
        Keeps the pickers.
    names
        Which to run.
    settings
        What all of them are told, as far as they have such settings.
    source
        The micrograph.
    school
        The data set.
    found
        Gets an entry as each has ended, so that a run that is stopped keeps what it has.
    measure
        Whether to measure what averages prove, once all have run; those that are measured get a second entry.
    """
    yield jobs.Progress(0, len(names), message="Reading the image")
    micrograph = source.micrograph()
    ran: list[_Ran] = []
    for done, name in enumerate(names):
        here = jobs.Progress(done, len(names), message=name)
        try:
            one = yield from _run(crew, name, settings, micrograph, school, here)
            ran.append(one)
            found.append(replace(one.found, outcome=replace(one.outcome, pending=measure)))
        except Exception as error:  # listed with its reason, the others run
            found.append(Found(name, problem=said(error)))
    for done, one in enumerate(ran if measure else ()):
        here = jobs.Progress(
            done, len(ran), message=f"{one.found.name}: measuring by averages how many picks are particles"
        )
        yield here
        try:
            outcome = yield from _proved(one, micrograph, school, here)
        except Exception as error:
            outcome = replace(one.outcome, known=Known(unmeasured_shares(said(error)), *np.empty((2, 0))))
        found.append(replace(one.found, outcome=outcome))


@dataclass(frozen=True, eq=False)
class _Ran:
    """A picker that found something, and all its candidates."""

    found: Found
    picker: LoadedPicker
    score_map: ScoreMap
    outcome: Outcome


def _run(
    crew: LoadedPickers,
    name: str,
    settings: Mapping[str, Any],
    micrograph: Micrograph,
    school: School,
    here: jobs.Progress,
) -> jobs.Job[_Ran]:
    """One picker, told as a part of the run that is ``here``."""
    yield replace(here, message=f"Loading {name}")
    learning = crew.picker(name, settings, school)
    picker = yield from translate(
        learning, lambda p: replace(here, message=f"{name}: {p.message}", fraction=p.fraction)
    )
    score_map = (yield from translate(jobs.find(picker, micrograph), within(here))).score_map
    least = 0.0 if picker.by_rule(score_map) else picker.threshold_on(score_map)
    outcome = Outcome(picker.picks_from(score_map, 0.0), least)
    found = Found(name, outcome, picker.settings.diameter == 0)
    return _Ran(found, picker, replace(score_map, values=None), outcome)


def _proved(ran: _Ran, micrograph: Micrograph, school: School, here: jobs.Progress) -> jobs.Job[Outcome]:
    """What a picker found, by what averages prove of it; where they prove nothing the picks stay as they are."""
    picker, score_map = ran.picker, ran.score_map
    judgement = school.known(picker)
    if judgement is None:
        judgement, score_map = yield from translate(jobs.judge_one(picker, micrograph, score_map), within(here))
    else:
        score_map = judgement.measured_on(picker, micrograph, score_map, 0.0)
    every, index = score_map.candidates, picker.pickable(score_map).index
    evidence = np.full(len(index), np.nan) if every.evidence is None else every.evidence[index]
    known = Known(judgement.shares, every.probability[index], evidence)
    if judgement.decision.basis == "rule":
        return replace(ran.outcome, known=known)
    by_number = float(judgement.own_scores(np.array([ran.outcome.threshold]))[0])
    threshold = judgement.decision.threshold if picker.auto else by_number
    return Outcome(picker.picks_from(judgement.adapted(score_map), 0.0), threshold, known)
