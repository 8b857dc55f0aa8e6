"""The tables of the papers that our pickers follow, made with ours: ``python benchmarks/papers.py TABLE...``.

Rows that are finished are kept in a file, and made anew only with ``--again``: a table of hours may be stopped at any
row.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from tables import ablation, boxes, branches, cascade, harvests, sorter, stages, views
from tables.rows import Row, Task

TABLES = {
    "ablation": ablation,
    "boxes": boxes,
    "branches": branches,
    "cascade": cascade,
    "harvests": harvests,
    "sorter": sorter,
    "stages": stages,
    "views": views,
}


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
    every = "\n".join(f"{name}: {table.__doc__}" for name, table in TABLES.items())
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\n{every}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", choices=TABLES, metavar="TABLE", help=f"of: {', '.join(TABLES)}")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets")
    parser.add_argument("--kept", type=Path, default=Path("runs/papers.json"), help="where finished rows are kept")
    parser.add_argument("--again", action="store_true", help="make rows anew that are finished")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.tables:
        print(markdown(made(name, TABLES[name].rows(options.data), options.kept, options.again)))


if __name__ == "__main__":
    main()
