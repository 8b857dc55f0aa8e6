"""The run of the Pick form: everything that takes time, in a thread that touches neither layers nor the form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath
from typing import Any

from napari_drpnet import jobs
from napari_drpnet.data import ScoreMap
from napari_drpnet.io.project.project import Project
from napari_drpnet.pickers import load_picker
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.steps import Job, Progress, translate, within
from napari_drpnet.widgets.kit.source import ChosenImage
from napari_drpnet.widgets.pick.learnt import LearntForm


@dataclass(frozen=True, eq=False)
class Order:
    """What a run needs, taken in the main thread.

    Attributes
    ----------
    source
        The micrograph.
    load
        Gives the picker.
    learn
        Lets it learn from the data set, where it does and has not yet.
    known
        What was decided for the data set, if anything was.
    measure
        Whether evidence is measured on this image where nothing was decided.
    """

    source: ChosenImage
    load: Callable[[], LoadedPicker]
    learn: Callable[[LoadedPicker], Job[bool]]
    known: Callable[[LoadedPicker], jobs.Judgement | None] = lambda _: None
    measure: bool = False


@dataclass(frozen=True, eq=False)
class Scored:
    """What a run has found.

    Attributes
    ----------
    picker, score_map
        Who scored the image, and what came of it.
    judgement
        What is known of the data set, if anything is.
    pending
        Whether it is still being measured what averages prove.
    ice
        What the spectrum shows of it, see `ice.ice`; NaN where it was not looked at.
    """

    picker: LoadedPicker
    score_map: ScoreMap
    judgement: jobs.Judgement | None = None
    pending: bool = False
    ice: float = math.nan


@dataclass(frozen=True)
class Sooner(Progress):
    """What is found before the end."""

    found: Scored | None = None


def in_project(source: ChosenImage, project: Project, measure: bool, **more: Any) -> Order:
    """A run with the project's settings, as *Pick all* has them, and ``more``; the project keeps what is learnt."""
    load, learn = partial(jobs.project_picker, project, **more), partial(jobs.learn_project, project)
    return Order(source, load, learn, partial(jobs.project_judgement, project), measure)


def on_its_own(source: ChosenImage, picker: str, settings: dict[str, Any], learnt: LearntForm, measure: bool) -> Order:
    """A run on an image of no project. A picker learns from it for all those with its pixel size and settings."""
    made_for = (picker, settings, source.frame.pixel_size)

    def load() -> LoadedPicker:
        return learnt.picker(made_for) or load_picker(picker, **settings)

    def learn(loaded: LoadedPicker) -> Job[bool]:
        now = yield from jobs.learn(loaded, (source.micrograph,))
        if now:
            learnt.keep(loaded, made_for)
        return now

    return Order(source, load, learn, measure=measure)


def steps(order: Order) -> Job[Scored]:
    """Load the picker, let it learn, read the image, score it, and measure what averages of its particles prove.

    Yields `Sooner` where that is measured: by then there is something to look at.
    """
    yield Progress(0, 1, message="Loading the picker")
    picker = order.load()
    yield from translate(order.learn(picker), lambda step: replace(step, done=0, total=1))
    here = Progress(0, 1, message="Reading the image")
    yield here
    micrograph = order.source.micrograph()
    here = replace(here, message=PurePath(micrograph.frame.micrograph).name)
    seen = jobs.ice_of(micrograph)
    found = yield from translate(jobs.find(picker, micrograph), within(here))
    judgement, score_map = order.known(picker), found.score_map
    if judgement is not None:
        return Scored(picker, judgement.measured_on(picker, micrograph, score_map, 0.0), judgement, ice=seen)
    if not order.measure:
        return Scored(picker, score_map, ice=seen)
    measuring = replace(here, message="Measuring by averages how many picks are particles")
    yield Sooner(0, 1, message=measuring.message, found=Scored(picker, score_map, pending=True, ice=seen))
    judging = jobs.judge_one(picker, micrograph, score_map)
    judgement, score_map = yield from translate(judging, within(measuring))
    return Scored(picker, score_map, judgement, ice=seen)
