"""Pick as an External job of RELION 3.1, 4 and 5: what RELION finds in the job's folder, before and after.

RELION calls the program in its project folder with ``--in_mics``, ``--o``, ``--j`` and the parameters by name, and
looks for marker files in the job's folder (its manual: "The External job-type").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError
from napari_drpnet.interruption import Interrupted
from napari_drpnet.io.fields import parse
from napari_drpnet.io.files import write_text
from napari_drpnet.io.paths import exists, is_file
from napari_drpnet.io.star_table import format_table
from napari_drpnet.jobs.pick_report import LIST, PickReport
from napari_drpnet.jobs.pick_run import pick
from napari_drpnet.settings import DEFAULT_PICKER, PickRun, validated
from napari_drpnet.steps import Job, Progress, translate

SUCCESS, FAILURE, ABORTED = "RELION_JOB_EXIT_SUCCESS", "RELION_JOB_EXIT_FAILURE", "RELION_JOB_EXIT_ABORTED"
ABORT = "RELION_JOB_ABORT_NOW"
_NODES, _SUFFIX, _PIPELINE = "RELION_OUTPUT_NODES.star", "coords_suffix_autopick.star", Path("default_pipeline.star")
# What RELION itself adds to the call.
_RELIONS_OWN = ("pipeline_control",)
# RELION's kinds of nodes: coordinates, by number up to 3.1, by label since.
_COORDINATES_3, _COORDINATES_4 = "2", "MicrographsCoords.star.relion.autopick"
_RUN = ("picker", "pixel_size", "keep_unproved", "again")
_YES = {"": True, "yes": True, "no": False}


class JobAbortedError(UserError):
    """Somebody aborted the job in RELION."""


def relion_parameters(texts: Sequence[str]) -> dict[str, Any]:
    """The parameters of a job as RELION gives them, ``--diameter 180 --invert Yes``; a name alone means yes.

    Raises
    ------
    UserError
        When a value has no name.
    """
    found: dict[str, Any] = {}
    name = ""
    for text in texts:
        if text.startswith("--"):
            name = text[2:].replace("-", "_")
            found[name] = True
        elif not name:
            raise UserError(
                f"{text!r} is the value of no parameter.", "Give the parameter's name in RELION's left field."
            )
        else:
            found[name], name = _value(text), ""
    return {name: value for name, value in found.items() if name not in _RELIONS_OWN}


def _value(text: str) -> Any:
    """A value as a person types it in RELION."""
    try:
        return _YES[text.lower()] if text.lower() in _YES else parse(text)
    except ValueError:
        return text


def relion_job(micrographs: Path, out: Path, workers: int | None, given: Mapping[str, Any]) -> Job[PickReport]:
    """Pick the micrographs of a STAR file into the folder of an External job, which RELION goes on from.

    Beside what `pick` writes, the folder has the list of output nodes, and how the job ended.

    Parameters
    ----------
    micrographs
        RELION's micrographs STAR, from the project folder, which is the working folder.
    out
        The job's folder.
    workers
        Micrographs that are worked on at once.
    given
        Settings of the run and of the picker, by name.

    Raises
    ------
    JobAbortedError
        When somebody aborts the job in RELION.
    UserError
        As `pick`, or when no micrograph could be picked.
    """
    for old in (SUCCESS, FAILURE, ABORTED, ABORT):
        with suppress(OSError):
            (out / old).unlink()
    try:
        report = yield from _picked(micrographs, out, workers, given)
    except (JobAbortedError, Interrupted, GeneratorExit):
        _mark(out, ABORTED)
        with suppress(OSError):
            (out / ABORT).unlink()
        raise
    except BaseException:
        _mark(out, FAILURE)
        raise
    _mark(out, SUCCESS)
    return report


def _picked(micrographs: Path, out: Path, workers: int | None, given: Mapping[str, Any]) -> Job[PickReport]:
    run = {name: given[name] for name in _RUN if name in given}
    options = {name: value for name, value in given.items() if name not in _RUN}
    fields = {"picker": DEFAULT_PICKER, **run, "inputs": (str(micrographs),), "out": out, "workers": workers}

    def unless_aborted(step: Progress) -> Progress:
        if exists(out / ABORT):
            raise JobAbortedError(f"{out}: the job was aborted.", "Continue it in RELION: what is finished stays.")
        return step

    run_now = validated(PickRun, {**fields, "options": options})
    report = yield from translate(pick(run_now), unless_aborted)
    if not report.picked:
        raise UserError(f"{micrographs}: no micrograph could be picked; {report.failed[0].error}")
    _write_nodes(micrographs, out)
    return report


def _write_nodes(micrographs: Path, out: Path) -> None:
    """What RELION's later jobs are offered as input.

    RELION up to 3.1 knows coordinates by a file whose name has their suffix, and whose text is the micrographs STAR.
    """
    write_text(f"{micrographs.as_posix()}\n", out / _SUFFIX)
    if _is_3():
        columns = {"rlnPipeLineNodeName": [(out / _SUFFIX).as_posix()], "rlnPipeLineNodeType": [_COORDINATES_3]}
    else:
        columns = {"rlnPipeLineNodeName": [(out / LIST).as_posix()], "rlnPipeLineNodeTypeLabel": [_COORDINATES_4]}
    write_text(format_table(columns, "output_nodes"), out / _NODES)


def _is_3() -> bool:
    """Whether the project is one of RELION 3, whose pipeline has numbers in the place of labels."""
    try:
        text = _PIPELINE.read_text(encoding="utf-8") if is_file(_PIPELINE) else ""
    except (OSError, ValueError):
        return False
    return "_rlnPipeLineProcessType " in text or "_rlnPipeLineNodeType " in text


def _mark(out: Path, name: str) -> None:
    """An empty file that tells RELION how the job ended."""
    with suppress(OSError):
        out.mkdir(parents=True, exist_ok=True)
        (out / name).touch()
