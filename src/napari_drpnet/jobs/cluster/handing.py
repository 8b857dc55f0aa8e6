"""Hand batches out to workers, a bounded number at a time, and again where a worker was lost."""

from __future__ import annotations

import itertools
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from warnings import warn

from distributed import CancelledError, Client, Future, KilledWorker

from napari_drpnet.errors import UserError
from napari_drpnet.interruption import unbroken
from napari_drpnet.io.paths import exists
from napari_drpnet.jobs.cluster.order import Batch, BatchLostError, Came, Done, Kind
from napari_drpnet.jobs.cluster.worker import deadly, do_batch
from napari_drpnet.jobs.crew import Step
from napari_drpnet.jobs.inputs import PickTask

# A batch takes about so long, in seconds, and has at most so many micrographs.
_BATCH_SECONDS, _BATCH = 10.0, 32
# Batches that are handed out for each thread of a worker: one in work, and one that waits. At least so many in all.
_AHEAD, _FEWEST = 2, 4
# The sample is rarely larger: more at once would be scored for nothing.
_SAMPLE = 64
# Whoever waits is told so often that it goes on; workers are counted so often. In seconds.
_TICK, _COUNT = 0.2, 2.0
# A batch that workers die with before they begin it is given out so often.
_TRIES = 5


@dataclass(eq=False)
class _Out:
    """A batch that is handed out."""

    batch: Batch
    future: Future
    tries: int = 1


@dataclass(eq=False)
class Hands:
    """The workers that a client reaches, for one run.

    Parameters
    ----------
    client
        Of the scheduler.
    order
        What all workers are told, pickled.
    at_work
        The folder that tells which batches are in work.
    tasks
        All micrographs of the run.
    tend
        Called every few seconds with the number of workers' threads.
    """

    client: Client
    order: bytes
    at_work: Path
    tasks: Sequence[PickTask]
    tend: Callable[[int], None]
    _out: dict[str, _Out] = field(default_factory=dict)
    _again: deque[Batch] = field(default_factory=deque)
    _done: SimpleQueue[Future] = field(default_factory=SimpleQueue)
    _names: Iterator[int] = field(default_factory=itertools.count)
    _warned: set[str] = field(default_factory=set)
    _seconds: float = 0.0
    _threads: int = 0
    _counted: float = -_COUNT

    def each(self, numbers: Sequence[int], kind: Kind, judged: bool = False) -> Iterator[Step[Came]]:
        """Have micrographs worked on; results come as they are finished, those of a sample in the given order.

        Raises
        ------
        UserError
            When the scheduler is gone, or a worker is of no use.
        """
        steps = self._unordered(numbers, kind, judged)
        try:
            yield from _in_order(steps, numbers) if kind == "sample" else steps
        finally:
            steps.close()  # type: ignore[attr-defined]  # it is a generator

    def _unordered(self, numbers: Sequence[int], kind: Kind, judged: bool) -> Iterator[Step[Came]]:
        todo = deque(numbers)
        try:
            while todo or self._again or self._out:
                self._count()
                while len(self._out) < self._window(kind) and (todo or self._again):
                    batch = self._again.popleft() if self._again else self._batch(todo, kind, judged)
                    self._give(batch)
                ended = self._ended()
                if not ended:
                    yield self._waiting()
                for number, came in self._came(ended):
                    yield Step(number, 1.0, (came,))
        finally:
            with unbroken():
                futures = [out.future for out in self._out.values()]
                self._out.clear()
                if futures and self.client.status == "running":
                    self.client.cancel(futures, force=True)

    def _window(self, kind: Kind) -> int:
        window = max(_FEWEST, _AHEAD * self._threads)
        return min(window, _SAMPLE) if kind == "sample" else window

    def _batch(self, todo: deque[int], kind: Kind, judged: bool) -> Batch:
        """The next micrographs, as many as take some seconds; at the end fewer, so that all workers end together."""
        fitting = int(_BATCH_SECONDS / self._seconds) if self._seconds else 1
        fair = len(todo) // max(1, _AHEAD * self._threads)
        size = 1 if kind == "sample" else max(1, min(fitting, _BATCH, fair))
        some = [todo.popleft() for _ in range(min(size, len(todo)))]
        return Batch(str(next(self._names)), kind, tuple((number, self.tasks[number]) for number in some), judged)

    def _give(self, batch: Batch, tries: int = 1) -> None:
        with unbroken():
            future = self.client.submit(
                do_batch,
                version("napari-drpnet"),
                self.order,
                pickle.dumps(batch),
                key=f"{self.at_work.name}-{batch.name}-{next(self._names)}",
                pure=False,
            )
            self._out[future.key] = _Out(batch, future, tries)
            future.add_done_callback(self._done.put)

    def _ended(self) -> list[_Out]:
        """The batches that have ended since it was asked last, which may be some seconds' worth."""
        self._see_the_scheduler()
        try:
            futures = [self._done.get(timeout=_TICK)]
        except Empty:
            return []
        with suppress(Empty):
            while True:
                futures.append(self._done.get_nowait())
        return [out for future in futures if (out := self._out.pop(future.key, None))]

    def _see_the_scheduler(self) -> None:
        if self.client.status != "running":
            raise _gone()

    def _count(self) -> None:
        if time.monotonic() - self._counted < _COUNT:
            return
        self._see_the_scheduler()
        try:
            self._threads = sum(self.client.nthreads().values())
        except OSError:
            self._see_the_scheduler()
        self.tend(self._threads)
        self._counted = time.monotonic()

    def _waiting(self) -> Step[Came]:
        first = next(iter(self._out.values())).batch.tasks[0][0] if self._out else 0
        return Step(first, instead=f"{self._threads} at work" if self._threads else "Waiting for workers")

    # ---------------------------------------------------------------- what comes back

    def _came(self, ended: Sequence[_Out]) -> Iterator[tuple[int, Came]]:
        """The results of batches that have ended; those of lost ones come later."""
        whole = [out for out in ended if out.future.status == "finished"]
        try:
            # Fetched together: each call costs the scheduler as much as a batch.
            every = self.client.gather([out.future for out in whole]) if whole else []
        except OSError as error:  # before the client has seen it
            raise _gone() from error
        except CancelledError:
            self._see_the_scheduler()
            raise
        for done in every:
            yield from self._noted(done)
        for out in ended:
            if out not in whole:
                yield from self._failed(out)
            out.future.release()

    def _failed(self, out: _Out) -> Sequence[tuple[int, Came]]:
        try:
            return self._noted(out.future.result())
        except BatchLostError:
            self._one_by_one(out.batch)
        except KilledWorker as error:
            return self._killed(out, error)
        except CancelledError:
            self._see_the_scheduler()
            self._give(out.batch, out.tries)
        except (ImportError, AttributeError) as error:
            raise UserError(
                f"A worker cannot load this version of napari-drpnet: {error}.", "Install the same on all."
            ) from error
        return ()

    def _killed(self, out: _Out, error: KilledWorker) -> Sequence[tuple[int, Came]]:
        """What follows when the scheduler gives a batch up, since workers that had it died."""
        begun = exists(self.at_work / out.batch.name)
        if begun and out.batch.alone:
            return [(number, deadly(out.batch, task)) for number, task in out.batch.tasks]
        if begun:
            self._one_by_one(out.batch)
        elif out.tries < _TRIES:
            self._give(out.batch, out.tries + 1)
        else:
            raise UserError(
                f"Workers die before they begin, the last one at {error.last_worker.address}.",
                "Look at their logs; perhaps they have too little memory.",
            ) from error
        return ()

    def _one_by_one(self, batch: Batch) -> None:
        """One of a batch may have killed a worker: each is tried with nothing else in work beside it."""
        for number, task in batch.tasks:
            name = f"{number}-alone"
            self._again.append(replace(batch, name=name, tasks=((number, task),), alone=True))

    def _noted(self, done: Done) -> Sequence[tuple[int, Came]]:
        for text in set(done.warned) - self._warned:
            self._warned.add(text)
            warn(text, stacklevel=2)
        if spent := [came.seconds for _, came in done.came]:
            mean = sum(spent) / len(spent)
            self._seconds = mean if not self._seconds else 0.8 * self._seconds + 0.2 * mean
        return done.came


def _gone() -> UserError:
    return UserError(
        "The scheduler of the cluster is gone.",
        "What is finished stays: start one, and give the same command again to go on.",
    )


def _in_order(steps: Iterator[Step[Any]], numbers: Sequence[int]) -> Iterator[Step[Any]]:
    """Steps whose results come in the order of the numbers."""
    early: dict[int, Step[Any]] = {}
    missing = iter(numbers)
    awaited = next(missing, None)
    for step in steps:
        if not step.results:
            yield step
            continue
        early[step.number] = step
        while awaited in early:
            yield early.pop(awaited)
            awaited = next(missing, None)
