"""What a worker of a cluster does: it loads the picker once, and picks batches."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import is_dir, is_file
from napari_drpnet.jobs.bench import Bench, Sampled
from napari_drpnet.jobs.cluster.gate import Gate
from napari_drpnet.jobs.cluster.order import DEADLY, Batch, BatchLostError, Came, Done, Order
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.judging import Judgement, judged_before, with_averages
from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.jobs.picked_files import item_of
from napari_drpnet.jobs.picking import Found, Item, pick_item, sample_item
from napari_drpnet.jobs.run_file import SETTINGS, recorded_decision
from napari_drpnet.jobs.tried import Tried, tried
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.registry import load_picker, settings_class
from napari_drpnet.settings import file_fields
from napari_drpnet.steps import drained

# So many different warnings of a worker are told of.
_WARNINGS = 20

_preparing, _gate = Lock(), Gate()
_warned: dict[str, None] = {}


@dataclass(frozen=True, eq=False)
class _Ready:
    """An order that a worker can go to work on."""

    order: Order
    picker: LoadedPicker


def do_batch(asked: str, order: bytes, batch: bytes) -> Done:
    """Work on a batch, as a task of a cluster.

    Parameters
    ----------
    asked
        Version of the program that asks.
    order, batch
        Pickled, so that they are looked at only after the version.

    Raises
    ------
    BatchLostError
        When a worker died with this batch before.
    UserError
        When this worker is of another version, cannot reach the files of the run, or cannot write picks.
    """
    if asked != (own := version("napari-drpnet")):
        raise UserError(
            f"The worker {_here()} has version {own} of napari-drpnet; this is {asked}.", "Install one version on all."
        )
    todo: Batch = pickle.loads(batch)
    with _preparing:
        ready = _ready(order)
        judgement = _judgement(order) if todo.judged else None
    _single_threads()
    if todo.alone:
        return _done_alone(ready, judgement, todo)
    with _in_work(ready.order, todo):
        came = tuple((number, _one(ready, judgement, todo, task)) for number, task in todo.tasks)
    return Done(came, tuple(_warned))


def _done_alone(ready: _Ready, judgement: Judgement | None, todo: Batch) -> Done:
    ((number, task),) = todo.tasks
    with _gate.passed(alone=True):
        try:
            with _in_work(ready.order, todo):
                return Done(((number, _work_on(ready, judgement, todo, task)),), tuple(_warned))
        except BatchLostError:
            return Done(((number, deadly(todo, task)),))


def deadly(todo: Batch, task: PickTask) -> Came:
    """What comes of a micrograph that no worker survives."""
    name = task.micrograph.name
    error = UserError(f"{name}: {DEADLY.message}", DEADLY.hint)
    return Tried(None, error, 0.0) if todo.kind == "sample" else PickResult(name, error=str(error))


def _one(ready: _Ready, judgement: Judgement | None, todo: Batch, task: PickTask) -> Came:
    with _gate.passed(alone=not ready.picker.many_at_once):
        return _work_on(ready, judgement, todo, task)


def _work_on(ready: _Ready, judgement: Judgement | None, todo: Batch, task: PickTask) -> Came:
    order, path = ready.order, task.micrograph.path
    here = replace(task, micrograph=replace(task.micrograph, path=Path(order.base, path)))
    item = item_of(here, Path(order.base, order.out), order.pixel_size)
    # An error names a file as whoever gave it did.
    shown = "" if path.is_absolute() else f"{order.base}{os.sep}"
    if todo.kind == "sample":
        return _scored(ready.picker, item, shown)
    result = pick_item(ready.picker, judgement, replace(item, keep=_while_it_goes_on(order, item)))
    if result.coordinates is None:
        return replace(result, error=_as_given(result.error, shown))
    return replace(result, coordinates=Path(order.out, task.coordinates))


def _scored(picker: LoadedPicker, item: Item, shown: str) -> Tried[Sampled]:
    came = drained(tried(sample_item(picker, Bench(picker), item)))
    if came.result is None:
        error = came.error or UserError("")
        told = UserError(_as_given(error.message, shown), _as_given(error.hint, shown))
        return Tried(None, told, came.seconds)
    # Candidates are all that is kept of a sample.
    return replace(came, result=replace(came.result, score_map=replace(came.result.score_map, values=None)))


def _as_given(text: str, shown: str) -> str:
    return text.replace(shown, "") if shown else text


def _while_it_goes_on(order: Order, item: Item) -> Any:
    """Keeps picks, unless the run has ended meanwhile: another may write into the folder."""

    def keep(found: Found) -> tuple[int, Path]:
        if not is_dir(order.at_work):
            raise UserError("The run has ended.")
        return item.keep(found)

    return keep


@contextmanager
def _in_work(order: Order, todo: Batch) -> Iterator[None]:
    """A file tells that a batch is in work: one that is there already is of a worker that died with it."""
    mark = Path(order.at_work, todo.name)
    try:
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    except FileExistsError:
        raise BatchLostError(todo.name) from None
    except OSError as error:
        raise UserError(
            f"The worker {_here()} cannot write into {mark.parent.parent} as this computer can: {error.strerror}.",
            "Run workers where the micrographs and the folder of the run have the same paths as here.",
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):
            mark.unlink()


@lru_cache(maxsize=1)
def _ready(order: bytes) -> _Ready:
    _listen()
    told: Order = pickle.loads(order)
    files = file_fields(settings_class(told.picker))
    found = {name: _found_from(told.base, value) for name, value in told.options.items() if name in files}
    options = {**told.options, **found}
    return _Ready(told, load_picker(told.picker, **options))


@lru_cache(maxsize=1)
def _judgement(order: bytes) -> Judgement:
    """What the run has decided, as its settings say."""
    ready = _ready(order)
    lists = Path(ready.order.base, ready.order.lists)
    decision = recorded_decision(lists / SETTINGS)
    judgement = with_averages(judged_before(decision, ready.picker), ready.picker, lists)
    if judgement is None:
        raise UserError(
            f"The worker {_here()} does not find in {lists} what was decided.",
            "See that it has the same networks and templates.",
        )
    return replace(judgement, keep_unproved=ready.order.keep_unproved)


def _found_from(base: str, value: Any) -> Any:
    """A setting; a file that is named from the folder of the run is named by its full path."""
    if isinstance(value, str) and value and is_file(path := Path(base, value)):
        return str(path)
    return value


def _here() -> str:
    return f"on {socket.gethostname()}, process {os.getpid()},"


def _single_threads() -> None:
    """Threads of libraries would fight for the cores with those of the worker, and change the last digits."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def _listen() -> None:
    """Remember what is warned of, so that whoever started the run hears of it."""
    _warned.clear()
    warnings.simplefilter("always", UserWarning)
    before = warnings.showwarning

    def note(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, UserWarning):
            before(message, category, *rest, **more)
        elif len(_warned) < _WARNINGS:
            _warned.setdefault(str(message))

    warnings.showwarning = note
