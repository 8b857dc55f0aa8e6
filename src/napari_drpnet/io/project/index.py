"""What the list of a project shows, one line a micrograph, so that ten thousand open at once.

The index repeats what the files of the micrographs say, and is made anew from them when it is missing or older.
A change appends a line, and the last line of a micrograph counts: writing costs the same however long the list is.
Each line ends with the times of the folders, after the change; while they are the same, no file need be looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import append_text, reading, write_text
from napari_drpnet.io.project.candidates import unpacked
from napari_drpnet.io.safe_names import safe_name

HEAD = "# napari-drpnet index 1"
_NONE = "-"
_ESCAPES = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}
_ESCAPE = re.compile(r"\\([\\tnr])")


@dataclass(frozen=True)
class Record:
    """One line of the index: where a micrograph is, and the numbers that its files hold, as last counted.

    Attributes
    ----------
    name
        Its stem.
    listed
        Its name as the inputs write it.
    path
        Its file, relative to the project's root; empty when that is ``listed``.
    pixel_size
        Angstrom per pixel; None when the inputs do not tell.
    picks, particles, background
        Particles in all, and those of each kind that a person labelled.
    region
        Whether a region is painted.
    picker
        Who proposed the picks; empty when no picker did.
    score
        Mean of the scores; NaN when there is none.
    stamp
        Sizes and times of its files, to see whether they changed.
    levels
        How many picks there are at each threshold, see `candidates.packed`; empty where only picking again could tell.
    evidence, evidence_error
        That the picks are particles, relative to the data set, and the standard error; None where not measured.
    ice
        From the spectrum, see `ice.ice`; None where not measured.
    """

    name: str
    listed: str
    path: str = ""
    pixel_size: float | None = None
    picks: int = 0
    particles: int = 0
    background: int = 0
    region: bool = False
    picker: str = ""
    score: float = float("nan")
    stamp: str = ""
    levels: str = ""
    evidence: float | None = None
    evidence_error: float | None = None
    ice: float | None = None

    @property
    def measured(self) -> tuple[float | None, float | None, float | None]:
        """Evidence with its error, and ice."""
        return self.evidence, self.evidence_error, self.ice

    @property
    def has_picks(self) -> bool:
        """Whether it has a file of picks, be it one without rows."""
        return self.stamp[:1] not in ("", _NONE)


_FIELDS = [field.name for field in fields(Record)]


@dataclass
class Index:
    """The records of all micrographs, in the order of the inputs, and the file that keeps them.

    Attributes
    ----------
    path
        ``index.tsv``.
    records
        By name.
    inputs, folders
        What the inputs and the folders of files looked like when the index was written, as text.
    unwritten
        Whether the file lacks something, and must be written whole.
    unfinished
        Whether picks that came with the inputs are not taken over yet. Then the file does not say what the inputs
        looked like, so that whoever opens it next looks through them again.
    """

    path: Path
    records: dict[str, Record]
    inputs: str = ""
    folders: str = ""
    unwritten: bool = True
    unfinished: bool = False

    @classmethod
    def read(cls, path: Path) -> Index:
        """The index of a file; an empty one when there is none or it cannot be used."""
        try:
            # The last line is whole only with its end.
            with reading(path):
                lines = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")[:-1]
            head = lines[0].split("\t")
            if head[0] != HEAD:
                return cls(path, {})
            index = cls(path, {}, inputs=_plain(head[1]), folders=_plain(head[2]))
            for line in lines[2:]:
                *cells, index.folders = line.split("\t")
                record = _record(cells)
                index.records[record.name] = record
        except (OSError, ValueError, IndexError, TypeError, UserError):
            return cls(path, {})
        # Too long a tail of changes is taken up.
        index.unwritten = len(lines) > 2 * len(index.records) + 20
        return index

    def forget(self) -> None:
        """Let the next survey look at every input and every file."""
        self.folders = self.inputs = ""

    def write(self) -> None:
        """The whole file, atomically."""
        inputs = "" if self.unfinished else self.inputs
        lines = [f"{HEAD}\t{_word(inputs)}\t{_word(self.folders)}", "\t".join([*_FIELDS, "folders"])]
        folders = _word(self.folders)
        lines += [f"{_line(record)}\t{folders}" for record in self.records.values()]
        self.unwritten = True
        write_text("\n".join(lines) + "\n", self.path)
        self.unwritten = False

    def append(self, record: Record, folders: str) -> None:
        """A changed record at the end of the file.

        Raises
        ------
        UserError
            When the file cannot be written.
        """
        self.unwritten, self.folders = True, folders
        append_text(f"{_line(record)}\t{_word(folders)}\n", self.path)
        self.unwritten = False


def stamp(paths: Iterable[Path]) -> str:
    """Size and time of each of some files or folders, as one word; a dash for what is not there."""
    return ",".join(map(_stamp, paths))


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return _NONE
    return f"{found.st_mtime_ns:x}.{found.st_size:x}"


def _line(record: Record) -> str:
    return "\t".join(
        (
            _word(record.name),
            _word(record.listed),
            _word(record.path),
            _NONE if record.pixel_size is None else repr(record.pixel_size),
            str(record.picks),
            str(record.particles),
            str(record.background),
            "yes" if record.region else "no",
            _word(record.picker),
            f"{record.score:.4f}",
            record.stamp,
            record.levels,
            *(_NONE if number is None else f"{number:.4g}" for number in record.measured),
        )
    )


def _record(cells: Sequence[str]) -> Record:
    """The record of a line; an error when it cannot be one that was written here."""
    name, listed, path, pixel_size, picks, particles, background, region, picker, score, files, *more = cells
    levels, *measured = more or ("", _NONE, _NONE, _NONE)  # an earlier version did not measure
    evidence, error, ice = (None if cell == _NONE else float(cell) for cell in measured)
    record = Record(
        safe_name(_plain(name)),
        _plain(listed),
        _plain(path),
        None if pixel_size == _NONE else float(pixel_size),
        int(picks),
        int(particles),
        int(background),
        region == "yes",
        _plain(picker),
        float(score),
        files,
        levels,
        evidence,
        error,
        ice,
    )
    if levels:
        unpacked(levels)
    if not all(math.isfinite(number) for number in record.measured if number is not None):
        raise ValueError(f"{record.name}: no record has such values")
    counted = min(record.picks, record.particles, record.background) >= 0 and not math.isinf(record.score)
    if not counted or not 0 < (record.pixel_size or 1.0) < math.inf or "\0" in record.listed + record.path:
        raise ValueError(f"{record.name}: no record has such values")
    return record


def _word(text: str) -> str:
    """Text without the ends of cells and lines."""
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return text


def _plain(word: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES[found[1]], word) if "\\" in word else word
