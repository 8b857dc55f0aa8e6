"""What the user sees: a progress bar and messages on standard error, results on standard output."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

import typer

from napari_drpnet.errors import without_options
from napari_drpnet.interruption import Interrupted, check
from napari_drpnet.steps import Job, Progress, drive

Result = TypeVar("Result")

_SHOWN = 10  # lines
# How a program that is interrupted ends.
FINISHED, NOTHING = "what was finished is written.", "nothing more is written."
# Of the command that runs, in all its threads: messages are made by what several commands do, and advise no option that
# this one lacks.
_options: set[str] = set()


def options_are(known: Iterable[str]) -> None:
    """The command that runs has these options, until `one_command` ends; what is told names no others."""
    _options.update(known)


@contextmanager
def one_command() -> Iterator[None]:
    """In this block one command is run, whose options are not those of one that ran before or runs later."""
    try:
        yield
    finally:
        _options.clear()


def run_job(
    job: Job[Result],
    counts: str = "micrographs, {task.fields[picks]} picks",
    log: TextIO | None = None,
    instead: Callable[[Progress], None] | None = None,
    ended: str = FINISHED,
) -> Result:
    """Drive a job with a progress bar; Ctrl-C, SIGTERM and SIGHUP end the program with status 130, 143 and 129.

    Parameters
    ----------
    job
        What to drive.
    counts
        Follows "3/10" in the bar: the unit of `Progress.done`, and what else is to be told.
    log
        Where there is no terminal to draw a bar on, write each step as a line to this, once.
    instead
        Is told each step in the place of the bar.
    ended
        What is said when the program is interrupted.
    """
    # rich costs start-up time.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(counts),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("left"),
        TextColumn("{task.description}", markup=False),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=bool(instead) or not console.is_terminal) as bar:
        shown = bar.add_task("", total=None, picks=0)
        said: tuple[int, str] | None = None

        def show(step: Progress) -> None:
            nonlocal said
            check()
            if instead is not None:
                instead(step)
            if log is not None and not console.is_terminal and said != (step.done, step.message):
                said = step.done, step.message
                count = f"{step.done}/{step.total}: " if step.total else ""
                print(f"{count}{' '.join(step.message.split())}", file=log, flush=True)
            done = step.done + step.fraction
            bar.update(shown, total=step.total or None, completed=done, picks=step.picks, description=step.message)

        try:
            return drive(job, show)
        except Interrupted as end:
            bar.stop()
            tell("interrupted", ended)
            raise typer.Exit(end.status) from None


def tell(kind: str, message: str) -> None:
    """One line on standard error."""
    text = without_options(message, _options) if _options else message
    print(f"{kind}: {harmless(' '.join(text.split()))}", file=sys.stderr)


def harmless(text: str) -> str:
    """A text that may be from a file of somebody else, without what steers a terminal."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "?" for sign in text)


def tell_some(kind: str, messages: Sequence[str], rest: str = "") -> None:
    """A line each on standard error; of so many that they hide what went wrong, the first, and where the rest is."""
    for message in messages[:_SHOWN]:
        tell(kind, message)
    if len(messages) > _SHOWN:
        tell(kind, f"... and {len(messages) - _SHOWN} more{rest}.")


def warnings_told_once() -> Callable[..., None]:
    """What tells a warning as one line, in the place of `warnings.showwarning`, each text once.

    Python's own record of what was shown is emptied whenever a library catches warnings.
    """
    told: set[str] = set()

    def tell_warning(message: Warning | str, *_: Any, **__: Any) -> None:
        if (text := str(message)) not in told:
            told.add(text)
            tell("warning", text)

    return tell_warning


def print_json(document: Any) -> None:
    """One JSON document on standard output; what is not a number becomes null."""
    typer.echo(json.dumps(_plain(document), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.as_posix() if isinstance(value, Path) else value


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], err: bool = False) -> None:
    """Columns as wide as they need, the first one left-aligned, the others right-aligned."""
    lines = [[harmless(cell) for cell in line] for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        typer.echo("  ".join(cells).rstrip(), err=err)
