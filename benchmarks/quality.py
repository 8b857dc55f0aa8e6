"""How good the networks are: ``python benchmarks/quality.py --data ../shared/data``.

One table, one row for each set and picker. Sets: simulated test proteins that no network was trained on or chosen by,
at several doses (the folders ``test-*`` of ``--simulated``, made by ``benchmarks/simulated.py``); real micrographs with
labels; and images with nothing to pick. A set whose images trained a network is not scored with it.

The rules are those of `napari_drpnet.evaluation`: one-to-one, at most half a diameter apart, an edge band left out,
counts pooled over the micrographs.

- P, R, F1: precision, recall and F1, ours at the threshold 0.5.
- auto: F1 at the default threshold, which each data set (the micrographs of one protein) is given without labels.
  P auto and R auto: precision and recall there. ECE auto: that of the probabilities it counts on.
- est. P, est. N: precision and number of particles that are estimated without labels, with their standard errors.
- wrong seen: mean evidence of the picks at 0.5 that labels call wrong, as a part of that of the right ones. Where the
  truth is complete it is 0.2 to 0.4: wrong picks show parts of particles. What it is more, nobody labelled.
- best F1, at: the best over all thresholds, chosen on the set itself, and that threshold: an upper bound.
- AP: average precision by distance, the area under the precision-recall curve of all candidates.
- ECE: expected calibration error of the probabilities.
- off A, off %: median distance of right picks from the true centre, in Angstrom and in % of the diameter.
- F1 -20 %, F1 +20 %: F1 at 0.5 with the diameter given 20 % too small and too large.
- bad, bad %: picks a micrograph that lie on places which a person marked as ice, carbon or empty, and the part of
  these places that has one; at 0.5, and with "auto" at the default threshold.
- picks: picks an image, where there is nothing to pick; these images have no scale, so a particle is taken as 1/20 of
  their longer side. picks auto: at the default threshold, of each image alone; in the rows "beside", of all in one run
  with a real set that the picker has not seen.
- CPU-s: CPU-seconds a micrograph, with what a picker needs once for the set shared among them: loading networks, or
  learning, for the picker that learns from the set itself without labels.
- MB: the most memory that picking needed, in a process of its own, beside that of Python, torch and the micrographs.

Peers, where they are installed, have it easier: of every size or scale tried they get the one with the best F1 on the
set itself (named in the row) and P, R, F1 at the best threshold; AP is their best over all sizes. On images without
particles they run at their default: LoG at its own threshold, Topaz at even odds.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from contenders import REAL, Contender, Found, LoG, Ours, Topaz, of_file, ours, peers
from empties import alone, beside
from measures import TestSet, at_threshold, calibration, find_sets, judge, measure, on_marked, proved_wrong
from napari_drpnet import Picks

Row = dict[str, Any]
DEFAULT_THRESHOLD = 0.5
# Columns and how their numbers are written.
COLUMNS = {
    "set": "",
    "picker": "",
    "n": "d",
    "particles": "d",
    "P": ".3f",
    "R": ".3f",
    "F1": ".3f",
    "auto": ".3f",
    "P auto": ".3f",
    "R auto": ".3f",
    "est. P": "",
    "est. N": "",
    "wrong seen": "",
    "best F1": ".3f",
    "at": ".2f",
    "AP": ".3f",
    "ECE": ".3f",
    "ECE auto": ".3f",
    "off A": ".1f",
    "off %": ".1f",
    "F1 -20 %": ".3f",
    "F1 +20 %": ".3f",
    "bad": ".1f",
    "bad %": ".0f",
    "bad auto": ".1f",
    "bad % auto": ".0f",
    "picks": ".1f",
    "picks auto": ".1f",
    "CPU-s": ".2f",
    "MB": ".0f",
}


def our_row(test: TestSet, picker: Ours) -> Row:
    if not test.has_truth:
        row = count_row(test, picker.label, picker, DEFAULT_THRESHOLD)
        return row | {"picks auto": mean_count(alone(picker, test.samples))}
    found = picker.find(test.samples)
    row = dict[str, Any](measure(found.picks, test.samples, DEFAULT_THRESHOLD))
    row |= {"ECE": calibration(found.picks, test.samples), "CPU-s": found.seconds, "MB": found.memory}
    row |= auto_figures(found, test) | marked_figures(found, test)
    for name, scale in (("F1 -20 %", 0.8), ("F1 +20 %", 1.2)) if picker.thorough else ():
        row[name] = measure(picker.find(test.samples, scale).picks, test.samples, DEFAULT_THRESHOLD)["F1"]
    return {"set": test.name, "picker": picker.label, "n": len(test.samples)} | row


def auto_figures(found: Found, test: TestSet) -> Row:
    """What the default threshold gives, and what is said of it without labels."""
    counts = judge(found.auto, test.samples).counts
    row: Row = {"auto": counts.f1, "P auto": counts.precision, "R auto": counts.recall}
    row["ECE auto"] = calibration(found.own, test.samples)
    for name, digits in (("P", 2), ("N", 0)):
        if name in found.expected:
            value, error = found.expected[name], found.expected[f"{name} err"]
            row[f"est. {name}"] = f"{value:.{digits}f} ± {error:.{digits}f}"
    if wrong := proved_wrong(found.picks, found.proved, test.samples, DEFAULT_THRESHOLD):
        row["wrong seen"] = "{:.2f} ± {:.2f}".format(*wrong)
    return row


def marked_figures(found: Found, test: TestSet) -> Row:
    """Picks on places that a person marked as none, where somebody did."""
    row: Row = {}
    for name, picks in (("", at_threshold(found.picks, DEFAULT_THRESHOLD)), (" auto", found.auto)):
        if (figures := on_marked(picks, test.samples)) is not None:
            row |= {f"bad{name}": figures[0], f"bad %{name}": 100 * figures[1]}
    return row


def beside_rows(test: TestSet, picker: Ours, every: Sequence[TestSet]) -> Iterator[Row]:
    """Images with nothing to pick in one run with each real set that the picker has not seen."""
    for other in every:
        if other.name in REAL and picker.may_be_tested_on(other):
            name = {"set": f"{test.name} beside {other.name}", "picker": picker.label, "n": len(test.samples)}
            yield name | {"picks auto": mean_count(beside(picker, test.samples, other.samples))}


def mean_count(found: Sequence[Picks]) -> float:
    return sum(map(len, found)) / len(found)


def peer_row(test: TestSet, variants: list[LoG | Topaz]) -> Row:
    """The variant with the best F1, and the best average precision of all."""
    rows: list[Row] = []
    for variant in variants:
        found = variant.find(test.samples)
        name = {"set": test.name, "picker": f"{variant.label} ({variant.variant})", "n": len(test.samples)}
        rows.append(name | measure(found.picks, test.samples, None) | {"CPU-s": found.seconds})
    return max(rows, key=lambda row: row["best F1"]) | {"AP": max(row["AP"] for row in rows)}


def count_row(test: TestSet, label: str, picker: Contender, threshold: float = -math.inf) -> Row:
    """Picks an image where there is nothing to pick."""
    found = picker.find(test.samples)
    count = sum(int((picks.score >= threshold).sum()) for picks in found.picks)
    n = len(test.samples)
    return {"set": test.name, "picker": label, "n": n, "picks": count / n, "CPU-s": found.seconds, "MB": found.memory}


def rows(options: argparse.Namespace) -> Iterator[Row]:
    mine, others = list(ours()), list(peers(shlex.split(options.topaz)))
    if options.pickers:
        mine, others = [one for one in mine if called(one.label, options.pickers)], []
    elif options.detector:
        mine, others = [one for one in mine if one.alone], []
    mine += map(of_file, options.detector)
    every = list(find_sets(options.data, options.simulated))
    for test in every:
        if options.only and not any(part in test.name for part in options.only):
            continue
        for picker in mine:
            if picker.may_be_tested_on(test):
                yield our_row(test, picker)
                yield from () if test.has_truth else beside_rows(test, picker, every)
        for variants, default in others:
            yield peer_row(test, list(variants)) if test.has_truth else count_row(test, default.label, default)


def called(label: str, names: Sequence[str]) -> bool:
    """Whether a picker is one of these names, or a variant: "drpnet" itself, or what has "fcrn" in it."""
    return any(label == name or (name != "drpnet" and name in label) for name in names)


def markdown(table: list[Row], columns: Mapping[str, str] = COLUMNS) -> str:
    """A table as people read it; NaN and what does not apply are empty, and columns of nothing else left out."""

    def cell(row: Row, column: str) -> str:
        value = row.get(column, "")
        return "" if value != value else format(value, columns[column]) if value != "" else ""

    every = [[column, *(cell(row, column) for row in table)] for column in columns]
    text = list(zip(*(column for column in every if any(column[1:])), strict=True))
    widths = [max(map(len, column)) for column in zip(*text, strict=True)]
    lines = [
        "| " + " | ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)) + " |" for line in text
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets")
    parser.add_argument(
        "--simulated", type=Path, default=Path("runs/simulated"), help="folder of test-15, test-30, ..."
    )
    parser.add_argument("--topaz", default="", help='a Python that imports topaz, such as "env PYTHONPATH=... python"')
    parser.add_argument("--only", nargs="+", metavar="SET", help="sets whose name has this in it")
    parser.add_argument("--pickers", nargs="+", metavar="PICKER", help="pickers of ours: drpnet, or a part of a label")
    parser.add_argument(
        "--detector",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="detectors that learnt from none of the sets, to put beside the shipped one",
    )
    parser.add_argument("--json", type=Path, help="write the rows here too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table: list[Row] = []
    for row in rows(options):
        print(f"{row['set']}: {row['picker']}", file=sys.stderr)
        table.append(row)
    print(markdown(table))
    if options.json:
        options.json.write_text(json.dumps(table, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
