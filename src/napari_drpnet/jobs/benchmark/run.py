"""A benchmark: entries on labelled sets, what came of each as a file, and one page of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import write_text
from napari_drpnet.io.lock import alone_in
from napari_drpnet.io.paths import exists
from napari_drpnet.io.safe_names import safe_name
from napari_drpnet.jobs.benchmark.entries import Entered, read_entry, run_entry
from napari_drpnet.jobs.benchmark.files import read_result, result_files, say_earlier, write_result
from napari_drpnet.jobs.benchmark.join import Joined, Named, join, lost_in_words
from napari_drpnet.jobs.benchmark.labelled_set import LabelledSet, read_labelled_set
from napari_drpnet.jobs.benchmark.measure import scored
from napari_drpnet.jobs.benchmark.page import page
from napari_drpnet.jobs.benchmark.tables import write_markdown
from napari_drpnet.pickers.protocol.registry import available_pickers
from napari_drpnet.settings import BenchmarkResult, BenchmarkSettings
from napari_drpnet.steps import Job, Progress, translate

PAGE, TABLE = "report.html", "table.md"


@dataclass(frozen=True, eq=False)
class BenchmarkReport:
    """What a benchmark found and wrote.

    Attributes
    ----------
    out
        The folder, with ``report.html`` and ``table.md``.
    joined
        The tables.
    failed
        Entries that could not be scored on a set, and files that could not be read, with the reason.
    """

    out: Path
    joined: Joined
    failed: tuple[tuple[str, str], ...]

    @property
    def page(self) -> Path:
        """The HTML page."""
        return self.out / PAGE

    @property
    def not_scored(self) -> list[tuple[str, bool]]:
        """Micrographs that do not count for some entry, in sentences, and whether something went wrong."""
        return [
            (f"{one.name} on {title}, {said}", fault)
            for title, one in self._each()
            for said, fault in lost_in_words(one.result)
        ]

    @property
    def notes(self) -> list[str]:
        """What a user should know of entries: a sentence each."""
        return self.joined.notes

    def _each(self) -> Iterator[tuple[str, Named]]:
        return ((table.title, one) for table in self.joined.tables for one in table.entries)


def run_benchmark(sets: Sequence[Path], given: Mapping[str, Any], settings: BenchmarkSettings) -> Job[BenchmarkReport]:
    """Score every entry on every set.

    Writes ``<set>/<entry>.json`` as soon as it is known, the picks of pickers to ``<set>/<entry>/`` as ``pick`` does,
    ``report.html`` and ``table.md``. An entry that cannot be scored on a set is reported, and the others go on; so is a
    micrograph.

    Parameters
    ----------
    sets
        Folders of labelled sets, or their ``set.yaml``.
    given
        Fields of `LabelledSetSettings`, which go before those of the file of a single set.
    settings
        Who is scored, and how.

    Raises
    ------
    UserError
        For a set that cannot be used, unknown names, when no entry can be scored, or when nothing can be written.
    """
    _check(settings)
    known = _known(sets, given)
    failed: list[tuple[str, str]] = []
    results: list[tuple[str, BenchmarkResult]] = []
    entries = (*settings.pickers, *settings.picks)
    with alone_in(settings.out):
        for one in known:
            for name in entries:
                say_earlier(_file(one, name, settings), "a later one did not come to an end.")
        for one in known:
            for name in entries:
                file = _file(one, name, settings)
                said = partial(_said, f"{name} on {one.name}")
                try:
                    entered = yield from translate(_entered(name, one, settings, file.with_suffix("")), said)
                    result = scored(entered, one, settings)
                except UserError as error:
                    kept = say_earlier(file, f"a later one failed. {error}")
                    stays = f" The figures of an earlier run stay in {file}." if kept else ""
                    failed.append((f"{name} on {one.name}", f"{error}{stays}"))
                    continue
                write_result(result, file)
                results.append((file.relative_to(settings.out).as_posix(), result))
        if not results:
            raise UserError(f"Nothing could be scored. {failed[0][0]}: {failed[0][1]}")
        return _written(results, failed, settings.average, settings.out)


def join_benchmarks(sources: Sequence[Path], average: str, out: Path) -> BenchmarkReport:
    """Put results that lie in files into one page and one table.

    Parameters
    ----------
    sources
        Files of results, or folders with some.
    average
        ``micro`` or ``macro``.
    out
        Folder to write to.

    Raises
    ------
    UserError
        When no file can be read, or nothing can be written.
    """
    results: list[tuple[str, BenchmarkResult]] = []
    refused: list[tuple[str, UserError]] = []
    for file in (file for source in sources for file in result_files(source)):
        try:
            results.append((file.as_posix(), read_result(file)))
        except UserError as error:
            refused.append((file.as_posix(), error))
    if not results:
        raise refused[0][1] if refused else UserError("There are no results to join.", "Name files of results.")
    failed = [(file, str(error).removeprefix(f"{file}: ")) for file, error in refused]
    with alone_in(out):
        return _written(results, failed, average, out)


def _file(known: LabelledSet, name: str, settings: BenchmarkSettings) -> Path:
    """Of the result of an entry on a set; beside it lies the folder of a picker's picks."""
    return settings.out / safe_name(known.name) / f"{name}.json"


def _said(entry: str, step: Progress) -> Progress:
    return replace(step, message=f"{entry}: {step.message}")


def _known(sets: Sequence[Path], given: Mapping[str, Any]) -> list[LabelledSet]:
    if len(sets) > 1 and given:
        raise UserError(
            f"There are {len(sets)} sets, and one {next(iter(given))} for all.", "Write it into the set.yaml of each."
        )
    known = [read_labelled_set(source, given) for source in sets]
    names = [one.name for one in known]
    if taken := [name for name in names if safe_name(name).lower() in (PAGE, TABLE)]:
        raise UserError(f"A set is called {taken[0]!r}, as a file of the results.", "Give it another name (--name).")
    if double := [name for name in names if names.count(name) > 1]:
        raise UserError(f"Two sets are called {double[0]!r}.", "Give one another name, in its set.yaml.")
    return known


def _check(settings: BenchmarkSettings) -> None:
    """Names that are wrong are found before anything is run."""
    for name in (*settings.pickers, *settings.picks):
        safe_name(name)
    if double := settings.pickers.keys() & settings.picks.keys():
        raise UserError(f"Two entries are called {min(double)!r}.", "Name them, as in NAME=PATH.")
    # Beside the folder of a picker's picks lies the result of another entry.
    if clash := {name.lower() for name in settings.pickers} & {
        f"{name}.json".lower() for name in (*settings.pickers, *settings.picks)
    }:
        raise UserError(f"An entry cannot be called {min(clash)!r}, as the file of another one.", "Name it otherwise.")
    if missing := [path for path in settings.picks.values() if not exists(path)]:
        raise UserError(
            f"{missing[0]}: there is no such file or folder, and no picker of this name.",
            f"Check the name; the pickers are {', '.join(available_pickers())}.",
        )
    if unknown := set(settings.pickers.values()) - set(available_pickers()):
        raise UserError(
            f"There is no picker named {min(unknown)!r}.", f"Choose from: {', '.join(available_pickers())}."
        )
    if strange := settings.options.keys() - settings.pickers.keys():
        raise UserError(f"A setting is for {min(strange)!r}, which is no picker here.", "Name the entry of a picker.")


def _entered(name: str, known: LabelledSet, settings: BenchmarkSettings, out: Path) -> Job[Entered]:
    if name in settings.pickers:
        return (yield from run_entry(name, settings.pickers[name], known, settings, out))
    yield Progress(0, len(known.micrographs), 0, "reading")
    return read_entry(name, settings.picks[name], known)


def _written(
    results: Sequence[tuple[str, BenchmarkResult]], failed: Sequence[tuple[str, str]], average: str, out: Path
) -> BenchmarkReport:
    joined = join(results, average)
    report = BenchmarkReport(out, joined, tuple(failed))
    write_text(page(joined, report.failed), report.page)
    write_markdown(joined, out / TABLE)
    return report
