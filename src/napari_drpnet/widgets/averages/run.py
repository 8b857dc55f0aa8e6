"""The run of the form: everything that takes time, in a thread that touches neither layers nor the form."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from napari_drpnet import jobs
from napari_drpnet.jobs import Averages, AveragingProgress, Job, Progress, Source
from napari_drpnet.settings import AveragingSettings
from napari_drpnet.steps import attended, translate

# Where steps are made, so that Cancel need not wait for the one under way.
_ASIDE = ThreadPoolExecutor(1, "averages")
# Of the whole time that reading takes, about.
_READING = 0.2


@dataclass(frozen=True, eq=False)
class Order:
    """What a run needs, taken in the main thread.

    Attributes
    ----------
    find
        Gives what is averaged.
    settings
        How.
    """

    find: Callable[[], Source]
    settings: AveragingSettings


@dataclass(frozen=True, eq=False)
class Found:
    """What a run has found, and what of."""

    averages: Averages
    source: Source


@dataclass(frozen=True)
class Better(Progress):
    """Averages that are better than those before."""

    found: Found | None = None


def steps(order: Order) -> Generator[Progress | None, None, Found]:
    """Find the picks, and average them; yields `Better`, and None while a step goes on."""
    yield Progress(0, 1, message="Loading the libraries")
    return (yield from attended(_all(order), _ASIDE))


def _all(order: Order) -> Job[Found]:
    yield Progress(0, 1, message="Looking for picks and what is known of the CTF")
    source = order.find()
    job = jobs.average(source.micrographs, order.settings)
    return Found((yield from translate(job, lambda step: _told(step, source))), source)


def _told(step: AveragingProgress, source: Source) -> Progress:
    """How far it is, of the whole; what is read counts little."""
    reading = step.done < step.total or not step.fraction
    part = _READING * step.done / max(step.total, 1) if reading else _READING + (1 - _READING) * step.fraction
    here = f"Micrograph {step.done + 1} of {step.total}" if step.done < step.total else step.message.capitalize()
    said = Better(0, 1, step.picks, f"{here}, {step.picks:,} picks", part)
    return said if step.so_far is None else replace(said, found=Found(step.so_far, source))
