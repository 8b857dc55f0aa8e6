"""The workers of a cluster, as a run has them do its work."""

from __future__ import annotations

import pickle
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from napari_drpnet.io.files import writing
from napari_drpnet.jobs.bench import Sampled
from napari_drpnet.jobs.cluster.order import Order
from napari_drpnet.jobs.cluster.places import Place, opened
from napari_drpnet.jobs.crew import Step
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.judging import Judgement
from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.jobs.tried import Tried
from napari_drpnet.settings import PickRun

if TYPE_CHECKING:
    from napari_drpnet.jobs.cluster.handing import Hands

# Folder in that of the run that is there as long as its workers may write.
_AT_WORK = ".at-work-"
# Workers that have gone are asked for again so often, in seconds.
_EVERY = 60.0


class Team:
    """Workers of a cluster; see `jobs.elsewhere.Elsewhere`."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def sample(self, numbers: Sequence[int]) -> Iterator[Step[Tried[Sampled]]]:
        """Score micrographs for the sample; results come in the order of the numbers."""
        return cast("Iterator[Step[Tried[Sampled]]]", self._hands.each(numbers, "sample"))

    def pick(self, numbers: Sequence[int], judgement: Judgement | None) -> Iterator[Step[PickResult]]:
        """Pick micrographs and write the picks; results come as they are finished."""
        judged = judgement is not None
        return cast("Iterator[Step[PickResult]]", self._hands.each(numbers, "pick", judged))


@contextmanager
def team(run: PickRun, options: Mapping[str, Any], tasks: Sequence[PickTask]) -> Iterator[Team]:
    """The workers of the cluster that a run names, for a block.

    Parameters
    ----------
    run
        Says where they are; its folder is locked.
    options
        Settings of its picker that are in force.
    tasks
        All micrographs of the run.

    Raises
    ------
    UserError
        When there is no such cluster, or the folder cannot be written.
    """
    base = Path.cwd()
    with opened(run.cluster, run.cluster_settings) as place, _at_work(run.folder) as folder:
        from napari_drpnet.jobs.cluster.handing import Hands

        order = Order(
            base=str(base),
            out=str(run.out),
            lists=str(run.folder),
            at_work=str(base / folder),
            picker=run.picker,
            options=dict(options),
            pixel_size=run.pixel_size,
            keep_unproved=run.keep_unproved,
        )
        yield Team(Hands(place.client, pickle.dumps(order), base / folder, tasks, _Tending(place)))


class _Tending:
    """Asks for workers that have gone, now and then."""

    def __init__(self, place: Place) -> None:
        self._place, self._last = place, time.monotonic()

    def __call__(self, _: int) -> None:
        if time.monotonic() - self._last > _EVERY:
            self._place.tend()
            self._last = time.monotonic()


def end_marks(folder: Path) -> None:
    """Let workers of a run that was killed stop: what they look for is gone."""
    for old in folder.glob(f"{_AT_WORK}*"):
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _at_work(folder: Path) -> Iterator[Path]:
    """A folder whose name no worker has looked for before; that of a run that was killed goes: its workers stop."""
    end_marks(folder)
    made = folder / f"{_AT_WORK}{secrets.token_hex(6)}"
    with writing(made):
        made.mkdir(parents=True)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
