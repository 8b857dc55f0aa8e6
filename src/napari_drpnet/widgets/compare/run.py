"""Run several pickers on one micrograph: what each found, or why it could not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from napari_drpnet import jobs
from napari_drpnet.averaging.shares import Shares, unmeasured_shares
from napari_drpnet.data import Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.pickers import available_pickers, load_picker, needs_diameter, settings_class
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.picker import Reader
from napari_drpnet.steps import translate, within
from napari_drpnet.widgets.kit.source import ChosenImage


@dataclass(frozen=True, eq=False)
class Found:
    """What became of one picker.

    Attributes
    ----------
    name
        Of the picker.
    picks
        Everything it found, above any threshold; None when it failed.
    threshold
        In force.
    finds_sizes
        Whether it was told no diameter.
    problem
        Why it failed; empty when it did not.
    shares
        What averages prove of its candidates; None before it is measured.
    """

    name: str
    picks: Picks | None = None
    threshold: float = 0.5
    finds_sizes: bool = False
    problem: str = ""
    shares: Shares | None = None


@dataclass(frozen=True, eq=False)
class School:
    """Micrographs that a picker may learn from.

    Attributes
    ----------
    key
        Of the data set: what was learnt from one is no good for another.
    readers
        Each reads one of them.
    """

    key: Any
    readers: Sequence[Reader]


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
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


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
        What a picker may learn from.
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
            ran.append((yield from _run(crew, name, settings, micrograph, school, here)))
            found.append(ran[-1].found)
        except Exception as error:  # listed with its reason, the others run
            found.append(Found(name, problem=said(error)))
    for done, one in enumerate(ran if measure else ()):
        here = jobs.Progress(done, len(ran), message=f"{one.found.name}: measuring what averages prove")
        yield here
        try:
            judgement, _ = yield from translate(jobs.judge_one(one.picker, micrograph, one.score_map), within(here))
            found.append(replace(one.found, shares=judgement.shares))
        except Exception as error:
            found.append(replace(one.found, shares=unmeasured_shares(said(error))))


@dataclass(frozen=True, eq=False)
class _Ran:
    """A picker that found something, and all its candidates."""

    found: Found
    picker: LoadedPicker
    score_map: ScoreMap


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
    score_map = (yield from jobs.find(picker, micrograph, here)).score_map
    least = picker.threshold_on(score_map)
    every = picker.picks_from(score_map, threshold=0.0)
    return _Ran(Found(name, every, least, picker.settings.diameter == 0), picker, replace(score_map, values=None))
