"""The tables of a comparison: numbers as they are for programs, and as text for people."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_drpnet.evaluation.agreement import Pair
from napari_drpnet.io.files import write_text
from napari_drpnet.jobs.compare.consensus import CONSENSUS
from napari_drpnet.jobs.compare.result import ComparisonReport


@dataclass(frozen=True)
class Column:
    """One column: its name in files, its head on paper, how its numbers are written, and what it means.

    One ``of_files`` is not shown to people. One that is ``estimated`` has an error, which files have in a column of its
    own; without the error its number is not shown.
    """

    key: str
    head: str
    form: str = ""
    help: str = ""
    estimated: bool = False
    of_files: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """In files."""
        return (self.key, f"{self.key}_error") if self.estimated else (self.key,)

    def text(self, row: Mapping[str, Any]) -> str:
        """Its value for people; what does not apply is a dash."""
        values = [row[key] for key in self.keys]
        if self.of_files or any(value is None or (isinstance(value, float) and math.isnan(value)) for value in values):
            return "–"
        return " ± ".join(format(value, self.form) for value in values)


STANDINGS = (
    Column("set", "set"),
    Column("kind", "kind", help="a picker that was run, a file that was read, or the consensus"),
    Column("micrographs", "micrographs", "d", "on how many of them it has an answer"),
    Column("picks", "picks", "d", "on all of these together, at its threshold"),
    Column("precision", "precision", ".3f", "part of the picks that are particles"),
    Column("recall", "recall", ".3f", "part of the particles that were picked"),
    Column("f1", "F1", ".3f", "harmonic mean of both, at the threshold in force"),
    Column("best_f1", "best F1", ".3f", "the best over all thresholds, chosen with the truth: an upper bound"),
    Column("best_threshold", "at", ".2f", "the threshold of the best F1"),
    Column(
        "average_precision", "AP", ".3f", "average precision by distance, the area under the curve of all candidates"
    ),
    Column(
        "box_ap", "box AP", ".3f", "average precision of all boxes, mean over intersections over union of .50 to .95"
    ),
    Column("box_ap50", "box AP50", ".3f", "average precision of boxes, an intersection over union of .50 being enough"),
    Column("box_ap75", "box AP75", ".3f", "the same with .75"),
    Column("box_ar", "box AR", ".3f", "part of the particles that all boxes together find, mean as in box AP"),
    Column("distance", "off [Å]", ".1f", "median distance of right picks from the true centre, in Angstrom"),
    Column("true_picks", "≈ true", ",.0f", "particles among the picks, by what averages prove without a truth", True),
    Column("estimated_precision", "≈ precision", ".2f", "part of the picks that are particles, by averages", True),
    Column("estimated_recall", "≈ recall", ".2f", "part of the particles among its own candidates, by averages", True),
    Column("estimated_f1", "≈ F1", ".2f", "harmonic mean of these two, so of its own candidates, too", True),
    Column("candidates_true", "≈ of", ",.0f", "particles among all its candidates, picked or not, by averages", True),
    Column("evidence", "evidence", help="what was measured, or why nothing was", of_files=True),
    Column("cpu_seconds", "CPU-s", ".2f", "CPU seconds per micrograph, with learning shared among them"),
)
AGREEMENT = (
    Column("first", "set"),
    Column("second", "and"),
    Column("shared", "shared", "d", "picks that both have"),
    Column("only_first", "only the first", "d"),
    Column("only_second", "only the second", "d"),
    Column("f1", "F1", ".3f", "1 where each pick has its counterpart"),
    Column("distance", "apart [Å]", ".1f", "median distance of the shared picks"),
    Column("flipped_f1", "F1 upside down", ".3f", "with one of the two turned upside down"),
    Column("fits_better_flipped", "better so"),
)
MICROGRAPHS = (
    Column("micrograph", "micrograph"),
    Column("set", "set"),
    Column("picks", "picks", "d"),
    Column("true", "found", "d"),
    Column("false", "false", "d"),
    Column("missed", "missed", "d"),
    Column("precision", "precision", ".3f"),
    Column("recall", "recall", ".3f"),
    Column("f1", "F1", ".3f"),
)

Row = dict[str, Any]


def standings(report: ComparisonReport) -> list[Row]:
    """One row for each set, the truth left out where it is a file."""
    return [_standing(report, i) for i in range(len(report.comparison.standings))]


def agreement(report: ComparisonReport) -> list[Row]:
    """One row for each two sets; distances in Angstrom."""
    return [_pair(pair, report.pixel_size) for pair in report.comparison.pairs]


def by_micrograph(report: ComparisonReport) -> list[Row]:
    """One row for each micrograph and set."""
    rows = []
    for standing in report.comparison.standings:
        verdicts = standing.evaluation.verdicts if standing.evaluation is not None else ()
        judged = {verdict.micrograph: verdict.counts for verdict in verdicts}
        for picks in report.sets[standing.name]:
            counts = judged.get(picks.frame.micrograph)
            ratios = (counts.precision, counts.recall, counts.f1) if counts else (None,) * 3
            numbers = (counts.true, counts.false, counts.missed) if counts else (None,) * 3
            particles = int(np.sum(picks.label != "background"))
            values = (picks.frame.micrograph, standing.name, particles, *numbers, *ratios)
            rows.append(dict(zip((column.key for column in MICROGRAPHS), values, strict=True)))
    order = {name: i for i, name in enumerate(dict.fromkeys(row["micrograph"] for row in rows))}
    return sorted(rows, key=lambda row: order[row["micrograph"]])


def write_tables(report: ComparisonReport) -> None:
    """``table.csv``, ``agreement.csv`` and ``micrographs.csv``."""
    out = report.settings.out
    _write(STANDINGS, standings(report), out / "table.csv")
    _write(AGREEMENT, agreement(report), out / "agreement.csv")
    _write(MICROGRAPHS, by_micrograph(report), out / "micrographs.csv")


def texts(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[list[Column], list[list[str]]]:
    """The columns in which some row has something to say, and their cells as text."""
    used = [column for column in columns if any(column.text(row) != "–" for row in rows)]
    return used, [[column.text(row) for column in used] for row in rows]


def _standing(report: ComparisonReport, index: int) -> Row:
    standing, truth = report.comparison.standings[index], report.comparison.truth
    entries = report.sets[standing.name]
    cpu = report.cpu_seconds.get(standing.name)
    counts = standing.evaluation.counts if standing.evaluation is not None else None
    near = [p.distance for p in report.comparison.pairs if {p.first, p.second} == {standing.name, truth}]
    values = (
        standing.name,
        _kind(report, standing.name),
        len(entries),
        standing.picks,
        *((counts.precision, counts.recall, counts.f1) if counts else (None,) * 3),
        standing.best_f1,
        standing.best_threshold,
        standing.area,
        *(astuple(standing.boxes) if standing.boxes is not None else (None,) * 4),
        near[0] * report.pixel_size if near and counts else None,
        *_proved(report, standing.name),
        cpu / len(entries) if cpu is not None else None,
    )
    return dict(zip((key for column in STANDINGS for key in column.keys), values, strict=True))


def _proved(report: ComparisonReport, name: str) -> tuple[float | str | None, ...]:
    """What averages prove of a set: values and their errors in turn, and the sentence."""
    proof = report.proofs.get(name)
    if proof is None:
        return (*(None,) * 10, "")
    estimates = (proof.true, proof.precision, proof.recall, proof.f1, proof.number)
    return (*(number for one in estimates for number in (one.value, one.error)), proof.reason)


def _kind(report: ComparisonReport, name: str) -> str:
    if name == report.comparison.truth:
        return "truth"
    if name == CONSENSUS:
        return "consensus"
    return "picker" if name in report.cpu_seconds else "file"


def _pair(pair: Pair, pixel_size: float) -> Row:
    better = "yes" if pair.fits_better_flipped else "no"
    known = {column.key: getattr(pair, column.key) for column in AGREEMENT}
    return known | {"distance": pair.distance * pixel_size, "fits_better_flipped": better}


def _write(columns: Sequence[Column], rows: Sequence[Row], path: Path) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    keys = [key for column in columns for key in column.keys]
    table.writerow(keys)
    table.writerows([_number(row[key]) for key in keys] for row in rows)
    write_text(text.getvalue(), path)


def _number(value: Any) -> Any:
    """For programs: six digits, and an empty cell for what does not apply."""
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.6g}"
