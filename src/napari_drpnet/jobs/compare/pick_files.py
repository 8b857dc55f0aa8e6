"""Files of picks that are compared on one micrograph: which of their picks are of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from warnings import warn

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.comparison import some
from napari_drpnet.io import read_picks
from napari_drpnet.io.beside import frame_beside
from napari_drpnet.io.names import alike, own_name, same_micrograph
from napari_drpnet.io.picks.binning import binning, on_micrograph
from napari_drpnet.io.picks.rows import within
from napari_drpnet.steps import Job, Progress

_NAMED = 3  # micrographs that a message names


@dataclass(frozen=True, eq=False)
class PickFile:
    """The picks of a file, of one micrograph or of several."""

    path: Path
    entries: Sequence[Picks]
    _placed: dict[Frame, Picks] = field(default_factory=dict, init=False)

    def picks_of(self, micrograph: Frame) -> Picks | None:
        """The picks of the micrograph that is most like this one by name, in its pixels; None when there are none.

        Raises
        ------
        UserError
            When names do not tell which of several it is, the picks are of a micrograph of another size, or most of
            them lie outside.

        Warns
        -----
        UserWarning
            When pixel sizes differ, with what was done, and for picks that are left out; once for each micrograph.
        """
        if micrograph not in self._placed:
            found = self._most_like(micrograph.micrograph)
            if found is None:
                return None
            self._placed[micrograph] = _on(micrograph, found, self.path)
        return self._placed[micrograph]

    def given_to(self, micrograph: Frame) -> PickFile:
        """The file with its picks taken to be of this micrograph, whatever name they have in it.

        Raises
        ------
        UserError
            When it has picks of several micrographs, or they do not fit on this one.
        """
        if len(self.entries) != 1:
            raise UserError(f"{self.path.name} has picks of several micrographs.", "Open one of them.")
        (entry,) = self.entries
        moved = replace(entry, frame=replace(entry.frame, micrograph=micrograph.micrograph))
        found = PickFile(self.path, [moved])
        found._placed[micrograph] = _on(micrograph, moved, self.path)
        return found

    def _most_like(self, micrograph: str) -> Picks | None:
        named = {own_name(entry.frame.micrograph, self.path): entry for entry in self.entries}
        names = alike(list(named), micrograph)
        if len(names) > 1:
            raise UserError(
                f"{self.path.name}: {some(names, _NAMED)} may all be {PurePath(micrograph).name}.",
                "Keep the picks of one micrograph under one name.",
            )
        return named[names[0]] if names else None


def _on(micrograph: Frame, picks: Picks, path: Path) -> Picks:
    there = picks.frame
    how = binning(there, micrograph, True, None)
    if how.said:
        sizes = f"a pixel size of {there.pixel_size:g} A in it and of {micrograph.pixel_size:g} A of the image"
        warn(f"{path}: {sizes}: {how.said}.", stacklevel=3)
    (placed,) = within([on_micrograph(picks, micrograph, how, path)], path)
    return placed


@dataclass(frozen=True, eq=False)
class Stranger:
    """A file whose picks are of one micrograph, which has another name.

    Attributes
    ----------
    file
        It; `PickFile.given_to` takes its picks to be of the micrograph that is open.
    reason
        What it holds instead, a sentence.
    """

    file: PickFile
    reason: str


@dataclass(frozen=True, eq=False)
class ReadFiles:
    """Files of picks: those of the micrograph that is open, and those that only a person can tell whose they are."""

    files: list[PickFile]
    strangers: list[Stranger]


def read_pick_files(paths: Sequence[Path], frame: Frame) -> Job[ReadFiles]:
    """Read files of picks, of the micrograph of a frame by their names, or of one other.

    Raises
    ------
    UserError
        For a file that cannot be read, or has picks of several other micrographs.
    """

    def known(name: str, path: Path) -> Frame | None:
        return frame if same_micrograph(name, frame.micrograph) else frame_beside(name, path)

    files: list[PickFile] = []
    strangers: list[Stranger] = []
    for done, path in enumerate(paths):
        yield Progress(done, len(paths), message=f"Reading {path.name}")
        file = PickFile(path, read_picks(path, frame_of=known))
        if file.picks_of(frame) is not None:
            files.append(file)
            continue
        held = some([entry.frame.micrograph for entry in file.entries], _NAMED)
        reason = f"{path.name} has picks of {held}, none of {PurePath(frame.micrograph).name}."
        if len(file.entries) != 1:
            raise UserError(reason, "Open the micrograph they are of, or name the file as the micrograph is named.")
        strangers.append(Stranger(file, reason))
    return ReadFiles(files, strangers)
