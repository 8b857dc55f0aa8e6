"""Micrographs simulated by other processes while a network learns from the earlier ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Lock

import numpy as np
import torch

from napari_drpnet.interruption import deaf_to_ctrl_c
from napari_drpnet.settings import SimulatedSet
from napari_drpnet.training.sets import Example, expanded, simulated_example

# Micrographs there are at the first step; the pool fills up from these.
_FIRST = 4
# Micrographs begun before they are needed, and kept after the youngest step has left them.
_AHEAD, _BEHIND = 4, 8


class Stream:
    """A pool of simulated micrographs in which the oldest gives way to a new one every so many steps.

    Which micrographs a step draws from depends on its number alone, so that a run that goes on from a checkpoint
    draws the same.

    Parameters
    ----------
    data
        What to simulate, how many micrographs to draw from, and how often there is a new one.
    diameter
        Of a particle, in network pixels.
    executor
        Where to simulate.
    rank, size
        Of several processes that train, each has every ``size``-th micrograph.
    """

    def __init__(self, data: SimulatedSet, diameter: float, executor: Executor, rank: int = 0, size: int = 1) -> None:
        self.weight, self.data, self.diameter = data.weight, data, diameter
        self._settings, self._executor = expanded(data.simulate), executor
        self._rank, self._size = rank, size
        self._begun: dict[int, Future[Example]] = {}
        self._lock = Lock()

    def window(self, step: int) -> range:
        """Numbers of the micrographs that ``step`` draws from."""
        made = _FIRST + step // self.data.every
        return range(max(0, made - self.data.pool), made)

    def example(self, step: int, rng: np.random.Generator) -> Example:
        """One of the micrographs of a step; waits for it where it is not ready."""
        window = self.window(step)
        with self._lock:
            for number in range(window.start, window.stop + _AHEAD):
                self._begin(number)
            for number in [n for n in self._begun if n < window.start - _BEHIND]:
                self._begun.pop(number).cancel()
            chosen = self._begun[int(rng.integers(window.start, window.stop))]
        return chosen.result()

    def _begin(self, number: int) -> None:
        if number not in self._begun:
            index = number * self._size + self._rank
            self._begun[number] = self._executor.submit(simulated_example, self._settings, index, self.diameter)


@contextmanager
def streams(
    sets: Sequence[SimulatedSet], diameter: float, processes: int, rank: int = 0, size: int = 1
) -> Iterator[list[Stream]]:
    """A stream for every set, with processes of their own until the block ends."""
    if not sets:
        yield []
        return
    # Not forked: a fork of a process with running threads may hang.
    count = max(1, processes)
    executor = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_stand_back)
    try:
        with deaf_to_ctrl_c():
            for _ in range(count):  # begins the processes
                executor.submit(os.getpid)
        yield [Stream(data, diameter, executor, rank, size) for data in sets]
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _stand_back() -> None:
    """One thread, and the processor to the training where both want it."""
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(5)
