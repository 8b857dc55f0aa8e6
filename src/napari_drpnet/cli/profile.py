"""The table of where the time of a run went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from napari_drpnet.cli.terminal import print_table
from napari_drpnet.stages import READ, Spent, Stages, measured

_HEAD = ("stage", "CPU s", "of all", "wall s", "CPU s a micrograph")


@contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Measure what is done in this block, if that is wanted, and print the table on standard error at its end."""
    if not wanted:
        yield
        return
    stages = Stages()
    try:
        with measured(stages):
            yield
    finally:
        _print(stages)


def _print(stages: Stages) -> None:
    """One row a stage, and one of all together."""
    every, read = stages.table, stages.spent.get(READ, Spent()).times
    whole = Spent(stages.cpu, sum(one.wall for one in every.values()))
    rows = [_row(name, one, stages.cpu, read) for name, one in (*every.items(), ("all", whole))]
    print_table(_HEAD, rows, err=True)
    typer.echo(f"{stages.elapsed:.1f} s, {read} micrographs read; wall seconds are those of all threads.", err=True)


def _row(name: str, one: Spent, cpu: float, read: int) -> tuple[str, ...]:
    each = f"{one.cpu / read:.3f}" if read else ""
    return name, f"{one.cpu:.2f}", f"{one.cpu / cpu:.1%}" if cpu else "", f"{one.wall:.2f}", each
