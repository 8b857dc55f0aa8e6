"""Results side by side: what may stand in one table, and what must not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from scipy.special import stdtrit

from napari_drpnet.evaluation.comparison import some
from napari_drpnet.jobs.benchmark.figures import MACRO, difference, figures
from napari_drpnet.jobs.benchmark.files import value_of
from napari_drpnet.settings import BenchmarkResult

# Figures that differ more from those of the counts are of something else.
_ROUNDING = 1e-4
# Fewer micrographs than this tell their own error badly.
FEW = 10
# A difference is told as one where chance alone makes a larger one in so many cases.
_CHANCE = 0.01
# Two that happen to be equally far apart on both would have no error.
_FEWEST = 3


@dataclass(frozen=True, eq=False)
class Named:
    """A result, by the name that it has in a table."""

    name: str
    result: BenchmarkResult


@dataclass(frozen=True, eq=False)
class Table:
    """Results on the same micrographs and labels, by the same rules: they may be compared.

    Attributes
    ----------
    title
        The name of the set, with what tells it from another table of that name.
    entries
        The best one first, behind them those that are not scored on all micrographs.
    """

    title: str
    entries: tuple[Named, ...]

    @property
    def first(self) -> BenchmarkResult:
        """One of the results, to say of what is the same for all."""
        return self.entries[0].result


@dataclass(frozen=True, eq=False)
class Difference:
    """How much higher a figure of ``first`` is than of ``second``, on ``micrographs`` that both have."""

    first: str
    second: str
    value: float
    error: float
    micrographs: int

    @property
    def clear(self) -> bool:
        """Whether it is more than chance, by Student's t: errors of few micrographs are uncertain themselves."""
        if self.micrographs < _FEWEST:
            return False
        return abs(self.value) > self.error * float(stdtrit(self.micrographs - 1, 1 - _CHANCE / 2))


@dataclass(frozen=True, eq=False)
class Joined:
    """All tables, the way of averaging that they show, and what a reader should know first."""

    tables: tuple[Table, ...]
    average: str
    warnings: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """What a reader should know of entries, a sentence each."""
        every = ((table.title, one) for table in self.tables for one in table.entries)
        return [f"{one.name} on {title}: {note}" for title, one in every for note in one.result.notes]

    def key(self, name: str) -> str:
        """The name of a figure in results, by the way of averaging; of those that know only one, that one."""
        return MACRO + name if self.average == "macro" and name != "best_f1" else name


def join(results: Sequence[tuple[str, BenchmarkResult]], average: str) -> Joined:
    """Sort results into tables.

    Parameters
    ----------
    results
        Each with what it is called where two entries have one name: its file.
    average
        ``micro`` or ``macro``.
    """
    groups: dict[tuple[Any, ...], list[tuple[str, BenchmarkResult]]] = {}
    warnings: list[str] = []
    for source, result in results:
        result, said = _checked(source, result)
        warnings += said
        group = groups.setdefault(_terms(result), [])
        if not any(result.entry == other.entry and result.micrographs == other.micrographs for _, other in group):
            group.append((source, result))
    uses = Counter(group[0][1].set.name for group in groups.values())
    order = "f1" if average == "micro" else MACRO + "f1"
    tables = []
    for group in groups.values():
        first = group[0][1]
        title = first.set.name if uses[first.set.name] == 1 else f"{first.set.name} ({_told_apart(first)})"
        entries = sorted(_named(group), key=lambda one: _rank(one.result, order))
        tables.append(Table(title, tuple(entries)))
    return Joined(tuple(tables), average, (*warnings, *_mixed(uses, tables)))


def differences(table: Table, name: str) -> list[Difference]:
    """Each two entries of a table."""
    pairs = combinations(table.entries, 2)
    apart = ((one, other, difference(one.result.micrographs, other.result.micrographs, name)) for one, other in pairs)
    return [Difference(one.name, other.name, *known) for one, other, known in apart if known is not None]


def lost_in_words(result: BenchmarkResult) -> list[tuple[str, bool]]:
    """The micrographs that do not count, a sentence for each reason, and whether something went wrong."""
    by_reason: dict[tuple[str, bool], list[str]] = {}
    for lost in result.not_scored:
        by_reason.setdefault((lost.reason, lost.fault), []).append(lost.micrograph)
    return [(f"{some(names)}: not scored. {reason}", fault) for (reason, fault), names in by_reason.items()]


def _rank(result: BenchmarkResult, figure: str) -> tuple[bool, float]:
    """Sorts entries: those that were scored on all micrographs first, of these the best."""
    value = value_of(result, figure)[0]
    return len(result.micrographs) < result.set.micrographs, math.inf if math.isnan(value) else -value


def _checked(source: str, result: BenchmarkResult) -> tuple[BenchmarkResult, list[str]]:
    """A result whose figures are those of its counts."""
    anew = figures(result.micrographs, result.entry.kind == "picker")
    for name in anew.keys() | result.figures.keys():
        one, other = (known.get(name, (None, None))[0] for known in (anew, result.figures))
        if one is None or other is None or abs(one - other) > _ROUNDING * max(1.0, abs(one)):
            said = f"{source}: its {name} is not what its counts say; all figures are shown as the counts have them."
            return result.model_copy(update={"figures": anew}), [said]
    return result, []


def _terms(result: BenchmarkResult) -> tuple[Any, ...]:
    """What must be the same for results that are compared: micrographs, labels, what of these counts, and the rules."""
    known = result.set
    return known.digest, known.diameter, known.pixel_size, known.edge, tuple(_rules(result).items())


def _rules(result: BenchmarkResult) -> dict[str, Any]:
    """The rules, as far as they say something."""
    rules = result.rules
    if rules.match == "distance":
        return {"match": rules.match, "radius_fraction": rules.radius_fraction}
    return {"match": rules.match, "least_overlap": rules.least_overlap, "boxes": rules.boxes}


def rules_in_words(result: BenchmarkResult) -> str:
    """When a pick is right, as the end of a sentence."""
    rules, diameter = result.rules, result.set.diameter
    if rules.match == "distance":
        return f"at most {rules.radius_fraction * diameter:.4g} Å ({rules.radius_fraction:g} of the diameter) apart"
    boxes = "squares of the diameter" if rules.boxes == "same" else "each with its own box"
    return f"an intersection over union of at least {rules.least_overlap:g}, {boxes}"


def _told_apart(result: BenchmarkResult) -> str:
    known = result.set
    return f"{known.particles:,} labels {known.digest[:6]}, {known.diameter:g} Å, {rules_in_words(result)}"


def _named(group: Sequence[tuple[str, BenchmarkResult]]) -> Iterator[Named]:
    """Entries with names that are one each."""
    uses = Counter(result.entry.name for _, result in group)
    for source, result in group:
        name = result.entry.name
        yield Named(name if uses[name] == 1 else f"{name} ({source})", result)


def _mixed(uses: Counter[str], tables: Sequence[Table]) -> Iterator[str]:
    """Tables that look alike and must not be compared, and entries that stand on fewer micrographs."""
    for name, count in uses.items():
        if count > 1:
            yield (
                f"{count} tables are of sets called {name}: their labels, diameters, borders or rules differ. Figures "
                "of one are not to be compared with those of another."
            )
    for table in tables:
        fewer = [one.name for one in table.entries if len(one.result.micrographs) < table.first.set.micrographs]
        if fewer:
            yield (
                f"{table.title}: {some(fewer)} {'are' if len(fewer) > 1 else 'is'} not scored on all "
                f"{table.first.set.micrographs} micrographs. Differences are those on micrographs that both have."
            )
    yield from _few({table.title: min(len(one.result.micrographs) for one in table.entries) for table in tables})


def _few(counts: Mapping[str, int]) -> Iterator[str]:
    """Figures that stand on so few micrographs that their errors mean little."""
    if ones := [title for title, count in counts.items() if count == 1]:
        yield f"{some(ones)}: some figures stand on one micrograph, so that nobody knows their errors."
    if few := {title: count for title, count in counts.items() if 1 < count < FEW}:
        least = min(few.values())
        told = ", ".join(f"{title}: {count}" for title, count in few.items())
        part = 100 / math.sqrt(2 * (least - 1))
        yield f"Few micrographs ({told}): the errors of these figures are uncertain themselves, by up to {part:.0f} %."
