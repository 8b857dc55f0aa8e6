"""Files of picks that are compared on one micrograph: which of their picks are of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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


def read_pick_files(paths: Sequence[Path], frame: Frame) -> Job[list[PickFile]]:
    """Read files of picks that have some of the micrograph of a frame.

    Raises
    ------
    UserError
        For a file that cannot be read, or has none of this micrograph.
    """

    def known(name: str, path: Path) -> Frame | None:
        return frame if same_micrograph(name, frame.micrograph) else frame_beside(name, path)

    files = []
    for done, path in enumerate(paths):
        yield Progress(done, len(paths), message=f"Reading {path.name}")
        file = PickFile(path, read_picks(path, frame_of=known))
        if file.picks_of(frame) is None:
            held = some([entry.frame.micrograph for entry in file.entries], _NAMED)
            raise UserError(
                f"{path.name} has picks of {held}, none of {PurePath(frame.micrograph).name}.",
                "Open the micrograph they are of, or name the file as the micrograph is named.",
            )
        files.append(file)
    return files
