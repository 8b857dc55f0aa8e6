"""Where the workers of a run come from: this computer, a scheduler that runs, or a queueing system."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError
from napari_drpnet.interruption import deaf_to_ctrl_c, handlers_kept
from napari_drpnet.io.fields import read_fields
from napari_drpnet.settings import QUEUES

_EXTRA = "Install them:  pip install 'napari-drpnet[cluster]'  (napari-drpnet doctor tells what is there)"
_HINT = "Give a YAML file with what dask-jobqueue takes: cores, memory, walltime, queue, and jobs, their number."
# Seconds for a scheduler to answer, and for workers to end.
_PATIENCE = 10


@dataclass(frozen=True)
class Place:
    """Workers that are there, or will come.

    Attributes
    ----------
    client
        Of their scheduler.
    tend
        Asks for those again that have gone, where that can be done.
    """

    client: Any
    tend: Callable[[], None] = lambda: None


@contextmanager
def opened(where: str, settings: Path | None) -> Iterator[Place]:
    """The workers of a place; at the end of the block those that were started for it end.

    Parameters
    ----------
    where
        As `PickRun.cluster`.
    settings
        YAML of dask-jobqueue, for a queueing system.

    Raises
    ------
    UserError
        When programs are missing, the scheduler does not answer, or the settings are not usable.
    """
    _quiet()
    kind, _, rest = where.partition(":")
    if kind == "local":
        opener = _local(int(rest))
    elif where in QUEUES:
        opener = _queue(where, settings)
    else:
        opener = _scheduler(where)
    with opener as place:
        yield place


def job_script(where: str, settings: Path | None) -> str:
    """The script of a job that a run would submit, and how many of them; nothing is submitted.

    Raises
    ------
    UserError
        When it is no queueing system, programs are missing, or the settings are not usable.
    """
    if where not in QUEUES:
        raise UserError("Only a queueing system is given a job script.", f"Say which: --cluster {' or '.join(QUEUES)}.")
    _quiet()
    cluster, jobs = _asked_for(where, settings)
    with _closed(cluster):
        return f"# Submitted {jobs} times, by {cluster.job_cls.submit_command}:\n{cluster.job_script()}"


def _quiet() -> None:
    """Import dask.distributed; what it logs is told in our words."""
    try:
        import dask

        dask.config.set({"logging.distributed": "critical", "distributed.admin.log-format": "%(message)s"})
        import distributed  # noqa: F401
    except ImportError as error:
        raise UserError("The packages for a cluster are not installed.", _EXTRA) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


@contextmanager
def _local(count: int) -> Iterator[Place]:
    from distributed import LocalCluster

    # A worker takes what memory it needs, as without a cluster.
    with deaf_to_ctrl_c():
        cluster = LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=":0",  # a port that is free
            silence_logs=logging.CRITICAL,
        )
    with _closed(cluster), _client(cluster) as client:
        yield Place(client)


@contextmanager
def _scheduler(address: str) -> Iterator[Place]:
    with _client(address) as client:
        yield Place(client)


@contextmanager
def _queue(where: str, settings: Path | None) -> Iterator[Place]:
    cluster, jobs = _asked_for(where, settings)
    with _closed(cluster), _client(cluster) as client:
        cluster.scale(jobs=jobs)
        # Jobs end with their time: as many come in their place.
        yield Place(client, lambda: cluster.scale(jobs=jobs))


@contextmanager
def _client(at: Any) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(at, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"No scheduler answers at {at}.", "Start one, dask scheduler, and give the address that it prints."
        ) from error
    try:
        yield client
    finally:
        with suppress(OSError):
            client.close(timeout=_PATIENCE)


@contextmanager
def _closed(cluster: Any) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(OSError):
            cluster.close(timeout=_PATIENCE)


def _asked_for(where: str, settings: Path | None) -> tuple[Any, int]:
    """A cluster of a queueing system that has submitted nothing yet, and how many jobs it is to have."""
    try:
        with handlers_kept():  # it would end the program on Ctrl-C, as if all were done
            import dask_jobqueue
    except ImportError as error:
        raise UserError("The packages for a cluster are not installed.", _EXTRA) from error
    fields = {} if settings is None else read_fields(settings, _HINT)
    for level in ("jobqueue", where):
        fields = fields.get(level, fields)
        if not isinstance(fields, dict):
            raise UserError(f"{settings}: {level} has no settings below it.", _HINT)
    fields = {str(name).replace("-", "_"): value for name, value in fields.items()}
    jobs = fields.pop("jobs", 1)
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1:
        raise UserError(f"{settings}: jobs is not a number from 1 on.", _HINT)
    fields.setdefault("processes", 1)  # whose threads share the networks
    quiet = {"dashboard": False, "dashboard_address": ":0"}  # a port that is free, without a word
    try:
        fields["scheduler_options"] = quiet | dict(fields.get("scheduler_options") or {})
        return getattr(dask_jobqueue, QUEUES[where])(**fields), jobs
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        said = re.split(r"[.,]? (?:Very likely|for example)", " ".join(str(error).split()))[0]
        raise UserError(f"{settings or f'The settings of {where}'} cannot be used: {said[:200]}.", _HINT) from error
