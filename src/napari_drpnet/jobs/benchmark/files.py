"""Results on disk."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.files import reading, write_text
from napari_drpnet.io.paths import exists, is_dir, natural
from napari_drpnet.jobs.benchmark.labelled_set import digest
from napari_drpnet.settings import BenchmarkResult, validated

# Bytes: a thousand micrographs with a thousand candidates each have a tenth of that.
_LONGEST = 200_000_000
_EARLIER, _LONGEST_NOTE = "These figures are of an earlier run", 500
_HINT = "Name a file that a benchmark wrote."


def write_result(result: BenchmarkResult, path: Path) -> Path:
    """Write a result, a line for each of its parts."""
    fields = result.model_dump(mode="json")
    micrographs = ",\n".join("  " + json.dumps(one) for one in fields.pop("micrographs"))
    rest = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items())
    return write_text(f'{{\n{rest},\n "micrographs": [\n{micrographs}\n ]\n}}\n', path)


def say_earlier(path: Path, why: str) -> bool:
    """Note in a result that is there that a later run did not replace it, and ``why``; gives whether it could.

    What cannot be read stays as it is: whoever joins it is told.
    """
    if not exists(path):
        return False
    try:
        result = read_result(path)
    except UserError:
        return False
    made = f" of {result.made}" if result.made else ""
    notes = [note for note in result.notes if not note.startswith(_EARLIER)]
    said = cut(f"{_EARLIER}{made}: {why}", _LONGEST_NOTE)
    write_result(result.model_copy(update={"notes": (*notes, said)}), path)
    return True


def result_files(source: Path) -> list[Path]:
    """A file of results, or all in a folder and below it.

    Raises
    ------
    UserError
        When there is none.
    """
    if not exists(source):
        raise UserError(f"{source}: there is no such file or folder.", _HINT)
    if not is_dir(source):
        return [source]
    files = sorted(source.rglob("*.json"), key=lambda path: natural(path.as_posix()))
    if not files:
        raise UserError(f"{source}: no result of a benchmark lies in this folder.", _HINT)
    return files


def read_result(path: Path) -> BenchmarkResult:
    """Read a result that anybody may have made.

    Raises
    ------
    UserError
        When it cannot be read, is something else, or does not hold together.
    """
    with reading(path), path.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise UserError(f"{path} is too long for a result: over {_LONGEST // 1_000_000} MB.", _HINT)
    try:
        fields: Any = json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a JSON file.", _HINT) from error
    if not isinstance(fields, dict) or fields.get("format") != BenchmarkResult.model_fields["format"].default:
        raise UserError(f"{path} is not the result of a benchmark.", _HINT)
    if (version := fields.get("version")) != BenchmarkResult.model_fields["version"].default:
        raise UserError(
            f"{path} has the version {cut(str(version), 20)}, which is not known.",
            "Update napari-drpnet, or ask for another file.",
        )
    result = validated(BenchmarkResult, fields, path)
    if len(result.micrographs) == result.set.micrographs and _digest_of(result) != result.set.digest:
        raise UserError(f"{path}: its micrographs and labels are not those of its set.", _HINT)
    return result


def _digest_of(result: BenchmarkResult) -> str:
    """Of the names of its micrographs and of their labels, as `LabelledSet.digest`."""
    return digest(
        f"{one.micrograph} {one.labels}" for one in sorted(result.micrographs, key=lambda one: one.micrograph)
    )


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def value_of(result: BenchmarkResult, name: str) -> tuple[float, float]:
    """A figure and its standard error; NaN where it is not known."""
    value, error = result.figures.get(name, (None, None))
    return math.nan if value is None else value, math.nan if error is None else error
