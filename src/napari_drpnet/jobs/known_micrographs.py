"""Picks in files, and the micrographs they are of: what is known of each micrograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.beside import frame_beside
from napari_drpnet.io.images import open_image
from napari_drpnet.io.names import NameIndex
from napari_drpnet.io.picks.formats import read_picks
from napari_drpnet.io.star_lists import MicrographEntry


class KnownMicrographs:
    """What is known of micrographs: from whoever lists them, and from their own files."""

    def __init__(self, entries: Sequence[MicrographEntry] = ()) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._index = NameIndex(self._entries)

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that are listed, in their order."""
        return tuple(self._entries)

    def entry(self, name: str) -> MicrographEntry | None:
        """The one that a name means; None when there is none or several."""
        found = self._index.find(name)
        return self._entries[found[0]] if len(found) == 1 else None

    def read(self, path: Path, *, flip_y: bool = False) -> list[Picks]:
        """The picks of a file, see `read_picks`, in the frames of their micrographs.

        Raises
        ------
        UserError
            When the file cannot be read, or has picks of a micrograph of another size.
        """
        found = read_picks(path, flip_y=flip_y, frame_of=self._frame)
        return [self._placed(picks, path) for picks in found]

    def _frame(self, name: str, path: Path) -> Frame | None:
        """Shape and pixel size of a micrograph, whose picks are in ``path``; its name as it is listed."""
        entry = self.entry(name)
        if entry is None:
            return frame_beside(name, path)
        try:
            image = open_image(entry.path)
        except UserError:
            return Frame(entry.name, None, entry.pixel_size)  # names alone can be of use
        height, width = image.array.shape[-2:]
        return Frame(entry.name, (height, width), entry.pixel_size or image.pixel_size)

    def _placed(self, picks: Picks, path: Path) -> Picks:
        there = picks.frame
        known = self._frame(there.micrograph, path)
        if known is None:
            return picks
        if there.shape and known.shape and there.shape != known.shape:
            raise UserError(
                f"{path}: picks on {there.micrograph} of {_size(there.shape)} pixels, but {known.micrograph} has "
                f"{_size(known.shape)}.",
                "They are of a binned micrograph, or of another one: check the names.",
            )
        size = known.pixel_size or there.pixel_size
        return replace(picks, frame=Frame(known.micrograph, known.shape or there.shape, size))


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
