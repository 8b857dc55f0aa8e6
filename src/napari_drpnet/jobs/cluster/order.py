"""What the workers of a cluster are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from napari_drpnet.errors import UserError
from napari_drpnet.jobs.bench import Sampled
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.jobs.tried import Tried

Kind = Literal["sample", "pick"]
Came = Tried[Sampled] | PickResult

DEADLY = UserError(
    "The worker that picked it died, twice.",
    "The others were picked. Look at it on its own: perhaps it needs more memory than a worker has.",
)


@dataclass(frozen=True)
class Order:
    """What is the same for all micrographs of a run.

    Attributes
    ----------
    base
        Folder that other paths count from.
    out
        Folder of the picks, as they are listed.
    lists
        Folder of the settings, which say what was decided, and of the averages it was decided by.
    at_work
        Folder that is there as long as the run goes on; its files tell which batches are in work.
    picker, options
        Its name and settings.
    pixel_size
        Of all micrographs, in Angstrom; None for what is known of each.
    keep_unproved
        Whether picks stay that are in doubt.
    """

    base: str
    out: str
    lists: str
    at_work: str
    picker: str
    options: dict[str, Any]
    pixel_size: float | None
    keep_unproved: bool


@dataclass(frozen=True)
class Batch:
    """Some micrographs that a worker is given at once.

    Attributes
    ----------
    name
        Of its file in the folder ``at_work``.
    kind
        Whether they are scored for the sample, or picked.
    tasks
        Number and file of each.
    judged
        Whether a decision counts that is in the settings of the run.
    alone
        Whether nothing else may be in work in the process: it holds one micrograph, with which a worker died.
    """

    name: str
    kind: Kind
    tasks: tuple[tuple[int, PickTask], ...]
    judged: bool = False
    alone: bool = False


@dataclass(frozen=True)
class Done:
    """What came of a batch.

    Attributes
    ----------
    came
        What came of each micrograph, by its number.
    warned
        What the process warned of so far.
    """

    came: tuple[tuple[int, Came], ...]
    warned: tuple[str, ...] = ()


class BatchLostError(Exception):
    """A worker died with this batch: nobody knows with which of its micrographs."""
