"""Picks in files, and the micrographs they are of: what is known of each micrograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from warnings import warn

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.beside import frame_beside
from napari_drpnet.io.images import size_of
from napari_drpnet.io.names import NameIndex, Owners, own_name, owners
from napari_drpnet.io.picks.binning import binning, on_micrograph
from napari_drpnet.io.picks.formats import read_picks
from napari_drpnet.io.picks.rows import checked, within
from napari_drpnet.io.star_lists import MicrographEntry


class KnownMicrographs:
    """What is known of micrographs: from whoever lists them, and from their own files.

    Parameters
    ----------
    entries
        The micrographs that are listed.
    pixel_size
        Of all micrographs, in Angstrom; goes before what is listed.
    scale
        Micrograph pixels per pixel of the files of picks, where a user says so.
    """

    def __init__(
        self, entries: Sequence[MicrographEntry] = (), pixel_size: float | None = None, scale: float | None = None
    ) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._index = NameIndex(self._entries, {entry.name: entry.path.absolute() for entry in entries})
        self._meant: dict[str, str] | None = None
        self._pixel_size, self._scale = pixel_size, scale
        self._frames: dict[tuple[str, Path], Frame | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that are listed, in their order."""
        return tuple(self._entries)

    @property
    def exposures(self) -> dict[str, tuple[int, int]]:
        """What cryoSPARC calls those that its exposures list, by name: number, and number of the exposure group."""
        return {name: entry.exposure for name, entry in self._entries.items() if entry.exposure}

    def entry(self, name: str, path: Path | None = None) -> MicrographEntry | None:
        """The one that a name means; None when there is none or several.

        The folders of the file ``path`` count where the name is the file's own.
        """
        if path is not None:
            name = own_name(name, path)
        if self._meant is not None and name in self._meant:
            return self._entries.get(self._meant[name])
        found = self._index.find(name)
        return self._entries[found[0]] if len(found) == 1 else None

    def assign(self, found: Sequence[tuple[str, Path]]) -> Owners:
        """Decide of all picks together whose they are: of two that mean one micrograph, the one that is most like it.

        Parameters
        ----------
        found
            What files call the micrographs of their picks, and these files. A micrograph that is not listed keeps its
            name.
        """
        names = [own_name(name, path) for name, path in found] if self._entries else []
        own = owners(names, self._index)
        self._meant = dict.fromkeys(names, "") | own.of
        self._frames.clear()
        return own

    def read(self, path: Path, *, flip_y: bool = False) -> list[Picks]:
        """The picks of a file, see `read_picks`, in the frames of their micrographs.

        Raises
        ------
        UserError
            When the file cannot be read, or has picks of a micrograph of another size.

        Warns
        -----
        UserWarning
            When the pixel size in the file is not that of its micrographs, with what was done.
        """
        return self.placed(self.raw(path, flip_y=flip_y), path, flip_y=flip_y)

    def raw(self, path: Path, *, flip_y: bool = False) -> list[Picks]:
        """The picks of a file as it has them, see `read_picks`."""
        return read_picks(path, flip_y=flip_y, frame_of=self.frame_of, scale=self._scale or 1)

    def placed(self, found: Sequence[Picks], path: Path, *, flip_y: bool = False) -> list[Picks]:
        """The picks of a file that was read already; errors and warnings as of `read`."""
        placed: list[Picks] = []
        told: dict[str, list[str]] = {}
        for picks in found:
            # Rows that were turned have the shape from here.
            there = replace(picks.frame, shape=None) if flip_y else picks.frame
            known = self.frame_of(there.micrograph, path) or Frame(there.micrograph)
            how = binning(there, known, self._decides(there.micrograph, path), self._scale)
            if flip_y and how.factor != 1 and self._scale is None:
                raise UserError(
                    f"{path}: it is of binned micrographs, and its rows are to be turned.",
                    "Say how many times smaller these are (--scale).",
                )
            if how.said:
                sizes = f"pixel sizes of {there.pixel_size:g} A in it and of {known.pixel_size:g} A of its micrographs"
                told.setdefault(f"{sizes}: {how.said}", []).append(there.micrograph)
            placed.append(checked(on_micrograph(picks, known, how, path), path))
        for said, names in told.items():
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            warn(f"{path}: {said} ({cut(names[0], 60)}{more}).", stacklevel=3)
        return placed

    def within(self, found: Sequence[Picks], path: Path) -> list[Picks]:
        """`placed`, without the picks outside their micrographs; errors and warnings also as of `rows.within`."""
        return within(self.placed(found, path), path)

    def _decides(self, name: str, path: Path) -> bool:
        """Whether what is known of a micrograph goes before what a file of picks says of it."""
        entry = self.entry(name, path)
        # The header of the very file that the picks name may be wrong; whoever lists another name means another file.
        listed = entry is not None and (entry.pixel_size is not None or entry.name != name)
        return listed or self._pixel_size is not None

    def frame_of(self, name: str, path: Path) -> Frame | None:
        """What is known of a micrograph whose picks are in a file."""
        key = name, path.parent
        if key not in self._frames:
            found = self._looked_up(name, path)
            if self._pixel_size is not None:
                found = replace(found or Frame(name), pixel_size=self._pixel_size)
            self._frames[key] = found
        return self._frames[key]

    def _looked_up(self, name: str, path: Path) -> Frame | None:
        """Name as it is listed, shape and pixel size of a micrograph whose picks are in ``path``."""
        entry = self.entry(name, path)
        if entry is None:
            return frame_beside(name, path)
        try:
            shape, pixel_size = size_of(entry.path)
        except UserError:
            return Frame(entry.name, entry.shape, entry.pixel_size)  # names alone can be of use
        return Frame(entry.name, shape, entry.pixel_size or pixel_size)
