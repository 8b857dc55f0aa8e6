"""The tables of the papers that our pickers follow, made with ours: ``python benchmarks/papers.py TABLE...``.

boxes
    CenterPicker's table 3: average precision and recall of boxes by intersection over union, as COCO defines them, on
    the real sets. Truth: squares of the diameter of the set. All candidates of the picker are taken; a band along the
    border, where labels stop, is left out. "size": median of the found diameters of picks of even odds, in parts of the
    true one. "AP by distance": a pick is right within half a diameter. Rows of each set: nothing is told; the
    diameter is told; nothing is told, and every box is made a square of the true size, so that only centres count.

Rows that are finished are kept in a file, and made anew only with ``--again``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from measures import Sample, TestSet, find_sets, judge
from napari_drpnet import Picks, load_picker

Row = dict[str, float | str]
# What a row is called, and what makes it.
Task = tuple[str, Callable[[], Row]]

_OF_THE_PAPER: Row = {"set": "the paper's own", "picker": "CenterPicker"}
_BOXES = ("box AP", "AP50", "AP75", "AR")
_THEIRS = (0.520, 0.734, 0.619, 0.628)


def boxes(data: Path) -> Iterator[Task]:
    """CenterPicker's table 3 on the real sets."""
    yield "the paper", lambda: _OF_THE_PAPER | dict(zip(_BOXES, _THEIRS, strict=True))
    for test in find_sets(data, data):
        if test.has_truth:
            for told in (False, True):
                yield f"{test.name}, told={told}", partial(_box_row, test, told, False)
            yield f"{test.name}, centres", partial(_box_row, test, False, True)


def _box_row(test: TestSet, told: bool, centres_only: bool) -> Row:
    found = [_everything(sample, told) for sample in test.samples]
    label = "diameter told" if told else "nothing told"
    if centres_only:
        label += ", boxes of the true size"
        found = [_of_true_size(picks, sample) for picks, sample in zip(found, test.samples, strict=True)]
    result = judge(found, test.samples)
    assert result.boxes is not None, "sizes and scores are known"
    size = np.concatenate([_sizes(*both) for both in zip(found, test.samples, strict=True)])
    figures = dict(zip(_BOXES, astuple(result.boxes), strict=True))
    row: Row = {"set": test.name, "picker": label, "particles": result.counts.true + result.counts.missed}
    return row | figures | {"AP by distance": result.area, "size": float(np.median(size)) if len(size) else math.nan}


def _everything(sample: Sample, told: bool) -> Picks:
    picker = load_picker("centerpicker", device="cpu", **{"diameter": sample.diameter} if told else {})
    return picker.picks_from(picker.score(sample.micrograph), 0.0)


def _of_true_size(picks: Picks, sample: Sample) -> Picks:
    return replace(picks, diameter=np.array(_true_size(sample)), box=np.array(np.nan))


def _true_size(sample: Sample) -> float:
    return sample.micrograph.frame.micrograph_pixels(sample.diameter)


def _sizes(picks: Picks, sample: Sample) -> np.ndarray:
    """Diameters of what is rather a particle than not, in parts of the true one."""
    return picks.diameter[picks.score >= 0.5] / _true_size(sample)


TABLES = {"boxes": boxes}


def made(table: str, tasks: Iterator[Task], kept: Path, again: bool) -> list[Row]:
    """The rows of a table; each is written to ``kept`` when it is finished, and read there the next time."""
    every: dict[str, dict[str, Row]] = json.loads(kept.read_text()) if kept.exists() else {}
    old = {} if again else every.get(table, {})
    every[table] = {}
    for name, make in tasks:
        if name not in old:
            print(f"{table}: {name}", file=sys.stderr)
        every[table][name] = old[name] if name in old else make()
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Rows of the last time that were not come to yet stay, too.
        kept.write_text(json.dumps(every | {table: old | every[table]}, indent=1))
    return list(every[table].values())


def markdown(rows: Sequence[Row]) -> str:
    """Rows as a table; what does not apply is empty."""
    columns = list(dict.fromkeys(column for row in rows[::-1] for column in row))
    lines = [columns, ["---"] * len(columns)] + [[_cell(row.get(column)) for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: float | str | None) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", choices=TABLES, metavar="TABLE", help=f"of: {', '.join(TABLES)}")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets")
    parser.add_argument("--kept", type=Path, default=Path("runs/papers.json"), help="where finished rows are kept")
    parser.add_argument("--again", action="store_true", help="make rows anew that are finished")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.tables:
        print(markdown(made(name, TABLES[name](options.data), options.kept, options.again)))


if __name__ == "__main__":
    main()
