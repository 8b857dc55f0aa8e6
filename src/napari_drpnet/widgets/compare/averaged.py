"""Class averages of several sets of picks on one micrograph, one set after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_drpnet import jobs
from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Averages, AveragingProgress
from napari_drpnet.settings import AveragingSettings
from napari_drpnet.steps import translate
from napari_drpnet.widgets.kit.source import ChosenImage

_CLASSES, _MOST = 8, 600  # of a set, and picks that are averaged: chosen at random where there are more


@dataclass(frozen=True, eq=False)
class Averaged:
    """The averages of a set.

    Attributes
    ----------
    name
        Of the set.
    picks
        That it had then.
    averages
        None where they could not be made.
    problem
        Why they could not.
    """

    name: str
    picks: Picks
    averages: Averages | None = None
    problem: str = ""


@dataclass(frozen=True)
class OneMore(jobs.Progress):
    """The averages of one more set."""

    found: Averaged | None = None


def average_sets(source: ChosenImage, sets: Mapping[str, Picks], diameter: float) -> jobs.Job[None]:
    """Average the picks of each set; yields `OneMore` for each. Runs in a thread and touches no layer.

    ``diameter`` is that of the particle in Angstrom.
    """
    yield jobs.Progress(0, len(sets), message="Reading the image")
    micrograph = source.micrograph()
    path = Path(source.ground.file) if source.ground.file and not source.position else None
    ctf = jobs.ctf_of(source.frame.micrograph, path)
    settings = AveragingSettings(diameter=diameter, classes=_CLASSES)
    for done, (name, picks) in enumerate(sets.items()):

        def told(step: AveragingProgress, done: int = done, name: str = name) -> jobs.Progress:
            return jobs.Progress(done, len(sets), message=f"{name}: class averages", fraction=step.fraction)

        some = np.sort(np.random.default_rng(0).permutation(len(picks))[:_MOST])
        try:
            picked = jobs.picked_in_view(lambda: micrograph, picks.select(some), ctf)
            averages = yield from translate(jobs.average(picked.micrographs, settings), told)
            one = Averaged(name, picks, averages)
        except UserError as error:  # of this set: the others go on
            one = Averaged(name, picks, problem=error.message)
        yield OneMore(done + 1, len(sets), message=name, found=one)
