"""Results as tables: text for the terminal and the page, and Markdown to put into other pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_drpnet.io.files import write_text
from napari_drpnet.jobs.benchmark.files import value_of
from napari_drpnet.jobs.benchmark.join import Difference, Joined, Table, rules_in_words
from napari_drpnet.settings import BenchmarkResult

NONE = "–"


@dataclass(frozen=True)
class Column:
    """One column: its head, what it means, and a cell for each entry."""

    head: str
    help: str
    cells: tuple[str, ...]


def columns(joined: Joined, table: Table) -> list[Column]:
    """The columns of a table in which some entry has something to say."""
    mean = "the mean over micrographs" if joined.average == "macro" else "summed over micrographs"
    results = [one.result for one in table.entries]
    scores = {one.at for one in results if one.at is not None}
    at = f"F1 at {scores.pop():g}" if len(scores) == 1 else "F1 at a score"
    every = (
        ("n", "micrographs on which it is scored", [str(len(one.micrographs)) for one in results]),
        ("picks", "in force, in the scored part", [f"{_picks(one):,}" for one in results]),
        ("precision", f"part of the picks that are particles, in force, {mean}", _each(joined, results, "precision")),
        ("recall", "part of the particles that are picked", _each(joined, results, "recall")),
        ("F1", "harmonic mean of both, in force", _each(joined, results, "f1")),
        (at, "the same at a score that is given", _each(joined, results, "at_f1")),
        ("best F1", "over all thresholds, chosen by the labels: an upper bound", _each(joined, results, "best_f1")),
        ("at", "the threshold of the best F1", [shown(value_of(one, "best_threshold"), ".2f") for one in results]),
        ("AP", "average precision over all candidates", _each(joined, results, "ap")),
        (
            "off [%]",
            "median distance of right picks from the labels, in percent of the diameter",
            [shown(_part(one), ".1f") for one in results],
        ),
        ("ECE", "calibration error of the probabilities", [shown(value_of(one, "ece")) for one in results]),
        ("CPU-s", "a micrograph, the choice of the threshold included", [_seconds(one) for one in results]),
    )
    name = Column("entry", "", tuple(one.name for one in table.entries))
    known = [Column(head, said, tuple(cells)) for head, said, cells in every if any(cell != NONE for cell in cells)]
    return [name, *known]


def shown(pair: tuple[float, float], form: str = ".3f") -> str:
    """A figure with its error, for people."""
    value, error = pair
    if math.isnan(value):
        return NONE
    return format(value, form) if math.isnan(error) else f"{value:{form}} ± {error:{form}}"


def told_apart(one: Difference) -> str:
    """A difference with its error, and whether it is one."""
    error = "" if math.isnan(one.error) else f" ± {one.error:.3f}"
    return f"{one.value:+.3f}{error}{'' if one.clear else ', may be chance'}"


def _each(joined: Joined, results: Sequence[BenchmarkResult], name: str) -> list[str]:
    return [shown(value_of(one, joined.key(name))) for one in results]


def _picks(result: BenchmarkResult) -> int:
    return sum(true + false for true, false, _ in (one.in_force for one in result.micrographs))


def _part(result: BenchmarkResult) -> tuple[float, float]:
    value, error = value_of(result, "off")
    return 100 * value / result.set.diameter, 100 * error / result.set.diameter


def _seconds(result: BenchmarkResult) -> str:
    return NONE if result.entry.cpu_seconds is None else f"{result.entry.cpu_seconds:.2f}"


def overview(joined: Joined) -> dict[str, list[list[str]]]:
    """All entries on all sets, as rows with a head, by what they show: as the README of this package has them."""
    names = list(dict.fromkeys(one.name for table in joined.tables for one in table.entries))
    results = [{one.name: one.result for one in table.entries} for table in joined.tables]
    head = ["entry", *(table.title for table in joined.tables)]

    def rows(*figures: str, joint: str) -> list[list[str]]:
        cells = [[_several(joined, known.get(name), figures, joint) for known in results] for name in names]
        return [head, *([name, *line] for name, line in zip(names, cells, strict=True))]

    said = _score_in_words(joined)
    return {
        f"F1 {said} / at the best one / average precision": rows("at_f1", "best_f1", "ap", joint=" / "),
        f"F1 {said} -> at the threshold in force": rows("at_f1", "f1", joint=" -> "),
    }


def _score_in_words(joined: Joined) -> str:
    scores = {one.result.at for table in joined.tables for one in table.entries if one.result.at is not None}
    return f"at the threshold {scores.pop():g}" if len(scores) == 1 else "at the threshold that was given"


def _several(joined: Joined, result: BenchmarkResult | None, names: Sequence[str], joint: str) -> str:
    if result is None:
        return ""
    values = [value_of(result, joined.key(name))[0] for name in names]
    if all(map(math.isnan, values)):
        return NONE
    return joint.join(NONE if math.isnan(value) else f"{value:.3f}" for value in values)


def markdown(joined: Joined) -> str:
    """All tables, for a README: overviews first, then each set with the errors."""
    parts = [f"{said}:\n\n{_rows(rows)}" for said, rows in overview(joined).items()]
    for table in joined.tables:
        known = table.first.set
        found = columns(joined, table)
        rows = [[column.head for column in found], *map(list, zip(*(column.cells for column in found), strict=True))]
        where = f"{known.particles:,} labels on {known.micrographs} micrographs"
        parts.append(f"**{table.title}**: {where}; right is {rules_in_words(table.first)}.\n\n{_rows(rows)}")
    parts += [f"- {_escaped(said)}\n" for said in (*joined.warnings, *joined.notes)]
    return "\n".join(parts)


def _rows(rows: Sequence[Sequence[str]]) -> str:
    head, *others = ["| " + " | ".join(map(_escaped, row)) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *others]) + "\n"


def _escaped(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def write_markdown(joined: Joined, path: Path) -> Path:
    """Write `markdown` to a file."""
    return write_text(markdown(joined), path)
