"""Examples made by many processes: simulated, or read."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeAlias

import torch

from napari_drpnet.errors import UserError
from napari_drpnet.interruption import deaf_to_ctrl_c
from napari_drpnet.simulation.projection import one_thread
from napari_drpnet.training.example import Example

# Micrographs that a process makes before it gives them back.
_TOGETHER = 32
# Fewer are made sooner than a process has started.
_FEW = 4


@dataclass(frozen=True)
class Maker:
    """What makes one example, perhaps in another process; and the structure that is simulated, if it is."""

    make: Callable[[], Example]
    structure: str = ""


# Its number among all, and what makes it.
_Job: TypeAlias = tuple[int, Maker]


def made(makers: Sequence[Maker], processes: int | None = None) -> Generator[int, None, list[Example]]:
    """The examples, in order; yields how many are made.

    Processes share them by structure, so that each reads few of them. What is made does not depend on how many there
    are.

    Parameters
    ----------
    makers
        What makes them.
    processes
        How many; None: as many as there are processors, and none for a few examples, which are made here.

    Raises
    ------
    UserError
        When one cannot be made, or a process ends.
    """
    if processes is None and len(makers) < _FEW:
        return (yield from _made_here(makers))
    examples: dict[int, Example] = {}
    # Not forked: a fork of a process with running threads may hang.
    executor = ProcessPoolExecutor(
        processes or os.cpu_count() or 1, mp_context=get_context("spawn"), initializer=_stand_back
    )
    try:
        with deaf_to_ctrl_c():
            waiting = [executor.submit(_make, jobs) for jobs in _together(makers)]
        for each in as_completed(waiting):
            examples.update(each.result())
            yield len(examples)
    except BrokenProcessPool as error:
        raise UserError(
            "A process that makes micrographs was ended, perhaps for want of memory.",
            "Take fewer processes (--workers).",
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    return [examples[number] for number in range(len(makers))]


def _made_here(makers: Sequence[Maker]) -> Generator[int, None, list[Example]]:
    examples: list[Example] = []
    for maker in makers:
        with one_thread():
            examples.append(maker.make())
        yield len(examples)
    return examples


def _together(makers: Sequence[Maker]) -> list[list[_Job]]:
    """Jobs of the same structure, a few at a time."""
    kinds: dict[str, list[_Job]] = defaultdict(list)
    for job in enumerate(makers):
        kinds[job[1].structure].append(job)
    return [group[i : i + _TOGETHER] for group in kinds.values() for i in range(0, len(group), _TOGETHER)]


def _make(jobs: list[_Job]) -> list[tuple[int, Example]]:
    return [(number, maker.make()) for number, maker in jobs]


def _stand_back() -> None:
    """One thread, and the processor to others where they want it."""
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(5)
