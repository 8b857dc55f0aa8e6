"""What became of the micrographs of a run, what is odd about it, and the lists of it on disk."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, median_low
from typing import Self

from napari_drpnet.data import Frame
from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.files import append_text, write_text
from napari_drpnet.io.paths import is_file
from napari_drpnet.io.star_lists import COORDINATES, MICROGRAPH
from napari_drpnet.io.star_table import format_table, star_row
from napari_drpnet.jobs.levels import Levels, levels_in_words, summed
from napari_drpnet.jobs.prospect import in_words
from napari_drpnet.settings import Decision
from napari_drpnet.stages import stage

# A micrograph with so many times fewer picks than the usual one is told of, where that one has so many, and there are
# so many micrographs to tell what is usual.
_FEWER, _ENOUGH, _SEVERAL = 10, 20, 5
# Pixel sizes of one data set differ by less than this part.
_ALIKE = 0.02
_SHOWN, _LONGEST = 3, 50  # names in a note, and their characters
# Angstrom: pixels of images in which single particles are picked, and what such an image shows from side to side.
_SMALLEST, _LARGEST, _WIDEST = 0.3, 20.0, 25_000.0
# A particle spans at least so many pixels, and at most this part of the image.
_FEWEST, _GREATEST = 8, 0.4
# A row of the summary is one line, whatever a micrograph that was refused is called.
_ONE_LINE = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})
LIST, SUMMARY = "autopick.star", "summary.tsv"
COLUMNS = ("micrograph", "picks", "seconds", "error", "evidence", "evidence_error", "left_out", "doubt")


@dataclass(frozen=True)
class PickResult:
    """What became of one micrograph.

    Attributes
    ----------
    micrograph
        Its name, as its project writes it.
    picks
        How many were written.
    seconds
        From reading to writing.
    error
        Why there are no picks; empty when all went well.
    coordinates
        The STAR file; None when there is none.
    evidence, evidence_error
        That its picks are particles, relative to what the data set has: about 1, or 0 where there are none; and the
        standard error. NaN where it was not measured.
    left_out
        Picks that were not written, since nothing proves them.
    doubt
        Why they are in doubt; empty where they are not.
    levels
        Candidates of at least low, normal and high confidence; None where the picker knows no such levels.
    earlier
        Whether an earlier run picked it, and this one had nothing to do.
    pixel_size
        In Angstrom; NaN where it was not read now, or is not known.
    """

    micrograph: str
    picks: int = 0
    seconds: float = 0.0
    error: str = ""
    coordinates: Path | None = None
    evidence: float = math.nan
    evidence_error: float = math.nan
    left_out: int = 0
    doubt: str = ""
    levels: Levels | None = None
    earlier: bool = False
    pixel_size: float = math.nan


@dataclass(frozen=True)
class PickReport:
    """What became of a run: a result for each micrograph, and for each input that means none.

    Attributes
    ----------
    out
        Where it was written.
    results
        One each.
    decision
        The threshold that was chosen, and why; None where a number was given.
    kept
        Whether it is that of an earlier run.
    seconds
        That the run took.
    """

    out: Path
    results: tuple[PickResult, ...]
    decision: Decision | None = None
    kept: bool = False
    seconds: float = 0.0

    @property
    def picked(self) -> tuple[PickResult, ...]:
        """Those that were picked, even if no particle was found."""
        return tuple(result for result in self.results if not result.error)

    @property
    def failed(self) -> tuple[PickResult, ...]:
        """Those that could not be picked."""
        return tuple(result for result in self.results if result.error)

    @property
    def earlier(self) -> int:
        """How many were finished by an earlier run."""
        return sum(result.earlier for result in self.results)

    @property
    def picks(self) -> int:
        """Particles found on all of them together."""
        return sum(result.picks for result in self.results)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should look at, a sentence each."""
        return remarks(self.results)

    @property
    def confidence(self) -> str:
        """How many candidates have which confidence; empty where the picker knows no such levels."""
        return levels_in_words(summed(result.levels for result in self.results))

    @property
    def chosen(self) -> str:
        """What the threshold is and why, in a sentence or two; empty where a number was given."""
        if self.decision is None or not self.decision.micrographs:
            return ""
        text = in_words(self.decision)
        return f"As decided before (--threshold auto decides anew): {text}" if self.kept else text


def remarks(results: Sequence[PickResult]) -> tuple[str, ...]:
    """What is odd about the numbers of picks of a run, a sentence each.

    Parameters
    ----------
    results
        What became of each micrograph; those that could not be picked say so themselves.
    """
    results = [result for result in results if not result.error]
    doubted = _doubted([result for result in results if result.doubt])
    results = [result for result in results if not (result.left_out or (result.doubt and not result.picks))]
    if not results:
        return doubted
    if not any(result.picks for result in results):
        where = cut(results[0].micrograph, _LONGEST) if len(results) == 1 else f"any of {len(results)} micrographs"
        return (
            f"No particle was found on {where}. Check the diameter, the pixel size, the threshold, and whether the "
            "particles are dark or bright.",
            *doubted,
        )
    found = [result for result in results if result.picks]
    usual = median(result.picks for result in found)
    few = [result for result in found if result.picks * _FEWER <= usual]
    if len(results) < _SEVERAL or usual < _ENOUGH:
        few = []
    nothing = [result for result in results if not result.picks]
    notes = (
        ("No particle was found on", nothing),
        (f"Far fewer picks than the usual {usual:g} on", few),
    )
    odd = _of_other_pixels(results)
    return (*(f"{said} {_named(which)}." for said, which in notes if which), *odd, *doubted)


def _of_other_pixels(results: Sequence[PickResult]) -> tuple[str, ...]:
    """A sentence about micrographs whose pixels are not as large as those of most, if there are any."""
    known = [result for result in results if not math.isnan(result.pixel_size)]
    if not known:
        return ()
    usual = median_low(result.pixel_size for result in known)
    other = [result for result in known if not math.isclose(result.pixel_size, usual, rel_tol=_ALIKE)]
    if not other:
        return ()
    named = _named([replace(result, picks=0) for result in other])
    return (f"Pixels are {usual:g} A on most micrographs, but {other[0].pixel_size:g} A on {named}.",)


def _doubted(results: Sequence[PickResult]) -> tuple[str, ...]:
    """A sentence about micrographs whose picks are in doubt, if there are any."""
    if not results:
        return ()
    left_out = sum(result.left_out for result in results)
    kept = any(result.picks for result in results)
    which = f"their {left_out} picks" if left_out else "their picks"
    done = "their picks were kept" if kept and not left_out else f"{which} are left out (keep_unproved keeps them)"
    return (f"Nothing proves that there are particles on {_named(results)}: {done}.",)


def _named(results: Sequence[PickResult]) -> str:
    """The first micrographs with what was found there, and how many more there are."""
    names = ", ".join(
        cut(result.micrograph, _LONGEST) + (f" ({result.picks})" if result.picks else "") for result in results[:_SHOWN]
    )
    return names + (f" and {len(results) - _SHOWN} more" if len(results) > _SHOWN else "")


def doubtful_size(frame: Frame, diameter: float) -> str:
    """A sentence about a pixel size or a diameter that can hardly be right; empty when all is well.

    Parameters
    ----------
    frame
        Of a micrograph.
    diameter
        Of the particle, in Angstrom; 0 for a picker that finds it out.
    """
    size = frame.pixel_size
    if size is None or frame.shape is None:
        return ""
    span = size * max(frame.shape)
    if size < _SMALLEST:
        return f"A pixel size of {size:g} A is unusually small: if it is in nanometres, {10 * size:g} A is meant."
    if size > _LARGEST or span > _WIDEST:
        return f"A pixel size of {size:g} A is unusually large: the image would show {span / 1e4:.1f} micrometres."
    if not diameter:
        return ""
    pixels, side = diameter / size, min(frame.shape)
    if pixels < _FEWEST or _GREATEST * side < pixels <= side:  # pickers refuse what is larger than the image
        return (
            f"A particle of {diameter:g} A spans {pixels:.3g} of the {side} pixels of the image, at {size:g} A each: "
            "check the diameter and the pixel size."
        )
    return ""


class PickLists:
    """``autopick.star`` and ``summary.tsv`` of a run: whole after each micrograph, whatever happens to the program.

    Parameters
    ----------
    out
        Their folder.
    earlier
        What became of micrographs in an earlier run.

    Attributes
    ----------
    results
        What became of the micrographs so far.
    """

    def __init__(self, out: Path, earlier: Sequence[PickResult] = ()) -> None:
        self.out = out
        self.results: list[PickResult] = list(earlier)
        self._there = False

    @stage("write")
    def add(self, result: PickResult) -> None:
        """Take one more micrograph into the lists.

        Raises
        ------
        UserError
            When they cannot be written.
        """
        self.results.append(result)
        if not self._there:
            self._write()
            return
        try:
            if result.coordinates is not None:
                append_text(star_row(*_listed(result)) + "\n", self.out / LIST)
            append_text(_summary([result]), self.out / SUMMARY)
        except UserError:  # somebody took them away
            self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write the lists of what is there at the end; a file of picks that is gone is an error of its micrograph.

        Raises
        ------
        UserError
            When they cannot be written.
        """
        self.results = still_there(self.results)
        self._write()

    @stage("write")
    def _write(self) -> None:
        pairs = [_listed(result) for result in self.results if result.coordinates is not None]
        columns = {MICROGRAPH: [name for name, _ in pairs], COORDINATES: [file for _, file in pairs]}
        # Without the blank line that ends a loop, so that rows can be appended.
        text = format_table(columns, "coordinate_files").rstrip("\n") + "\n"
        write_text(text, self.out / LIST)
        write_text("\t".join(COLUMNS) + "\n" + _summary(self.results), self.out / SUMMARY)
        self._there = True


def one_line(name: str) -> str:
    """A name of a micrograph as the summary has it."""
    return name.translate(_ONE_LINE)


def _listed(result: PickResult) -> tuple[str, str]:
    assert result.coordinates is not None
    return result.micrograph, result.coordinates.as_posix()


def _summary(results: Sequence[PickResult]) -> str:
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    for result in results:
        name = one_line(result.micrograph)
        evidence = ("" if math.isnan(x) else f"{x:.3f}" for x in (result.evidence, result.evidence_error))
        row = (name, result.picks, f"{result.seconds:.2f}", " ".join(result.error.split()), *evidence)
        table.writerow([*row, result.left_out, result.doubt])
    return text.getvalue()


def still_there(results: Sequence[PickResult]) -> list[PickResult]:
    """The results as they are now: a file of picks that is gone is an error of its micrograph."""
    return [_as_it_is(result) for result in results]


def _as_it_is(result: PickResult) -> PickResult:
    if result.coordinates is None or is_file(result.coordinates):
        return result
    gone = f"{result.coordinates} was removed during the run. Pick {result.micrograph} again."
    return replace(result, picks=0, coordinates=None, error=gone)
