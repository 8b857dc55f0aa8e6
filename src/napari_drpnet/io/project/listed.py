"""Which micrographs an open project has, the index that tells of them, and whether anything may be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import append_text
from napari_drpnet.io.lock import Lock
from napari_drpnet.io.paths import exists
from napari_drpnet.io.project.files import Layout, coordinates, write_list
from napari_drpnet.io.project.index import Index, Record
from napari_drpnet.io.star_table import star_row
from napari_drpnet.settings import ProjectSettings


@dataclass(frozen=True)
class Entry:
    """Where a micrograph of a project is: its names, its file and its pixel size.

    Attributes
    ----------
    name
        Its stem, which no other micrograph of the project has.
    path
        Its file; there may be none any more.
    pixel_size
        Angstrom per pixel; None when only its header tells.
    listed
        Its name as the inputs write it, which is what RELION knows it by.
    """

    name: str
    path: Path
    pixel_size: float | None
    listed: str = ""

    @property
    def micrograph(self) -> str:
        """What frames call it: its whole path, as another folder may have a file of the same name."""
        return self.path.as_posix()


class Listed:
    """The micrographs of an open project, and the index and RELION's list, which are kept in step with their files.

    Attributes
    ----------
    folder
        Where it is.
    settings
        What its ``project.yaml`` says.
    read_only
        Why nothing can be written; empty when it can.
    """

    def __init__(self, folder: Path, settings: ProjectSettings, lock: Lock | None, read_only: str) -> None:
        self.folder = folder
        self.settings = settings
        self.read_only = read_only
        self._files = Layout(folder)
        self._lock = lock
        self._guard = RLock()
        self._root = settings.root, self._files.root(settings.root)
        self._later = False
        self._index = Index.read(self._files.index)
        self._entries: tuple[Entry, ...] = ()

    # ---------------------------------------------------------------- micrographs

    @property
    def micrographs(self) -> tuple[Entry, ...]:
        """All micrographs, in the order of the inputs."""
        return self._entries

    def entry(self, name: str) -> Entry:
        """The micrograph called ``name``.

        Raises
        ------
        UserError
            When the project has none of that name.
        """
        record = self._record(name)
        path = self.root / (record.path or record.listed)
        return Entry(name, path, self.settings.pixel_size or record.pixel_size, record.listed)

    def _all_entries(self) -> tuple[Entry, ...]:
        # As `entry` does, but the root and the settings are asked once.
        root, usual, records = self.root, self.settings.pixel_size, self._index.records.values()
        return tuple(Entry(r.name, root / (r.path or r.listed), usual or r.pixel_size, r.listed) for r in records)

    def _record(self, name: str) -> Record:
        try:
            return self._index.records[name]
        except KeyError:
            raise UserError(f"{self.folder} has no micrograph named {name!r}.", "Choose one of its list.") from None

    @property
    def root(self) -> Path:
        """The folder that names start from: RELION's project where there is one."""
        if self._root[0] != self.settings.root:
            self._root = self.settings.root, self._files.root(self.settings.root)
        return self._root[1]

    # ---------------------------------------------------------------- the index

    @contextmanager
    def _one_list(self) -> Iterator[None]:
        """Write the index and the list once, at the end of many changes; of a killed process they are made anew."""
        self._later = True
        try:
            yield
        finally:
            self._later = False
            self._index.unwritten = True
            with suppress(UserError):
                self._write_index()

    def _write_index(self) -> None:
        """Write the index and the list whole where they lack something."""
        if self._index.unwritten or not exists(self._files.list):
            records = self._index.records.values()
            write_list(self._files, self.root, [(one.listed, one.name) for one in records if one.has_picks])
            self._index.folders = self._files.stamp()
            self._index.write()

    def _note(self, record: Record) -> None:
        """Tell the index and the list what was written.

        They say nothing that the files do not: where they cannot be written now, they are written whole later.
        """
        former, self._index.records[record.name] = self._index.records[record.name], record
        if self.read_only:
            return
        whole = self._index.unwritten or (former.has_picks and not record.has_picks)
        self._index.unwritten = True
        if self._later:
            return
        with suppress(UserError):
            if whole:
                self._write_index()
                return
            if record.has_picks and not former.has_picks:
                place = coordinates(self._files, self.root, record.name)
                append_text(f"{star_row(record.listed, place)}\n", self._files.list)
            self._index.append(record, self._files.stamp())

    # ---------------------------------------------------------------- writing

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other threads from writing between a reading and a writing."""
        with self._guard:
            yield

    def require_writable(self) -> None:
        """Raise a `UserError` that says why nothing can be written; another process may have taken the lock away."""
        self._require_there()
        lost = self._lock.lost_to() if self._lock is not None and not self.read_only else ""
        if lost:
            self.read_only = f"another window took it over ({lost})"
        if self.read_only:
            raise UserError(
                f"{self.folder} can only be read: {self.read_only}.", "Open it again when that has changed."
            )

    def _require_there(self) -> None:
        # Else another folder would be made in the place of one on a disk that is away.
        if not exists(self._files.settings):
            raise UserError(
                f"{self.folder} is gone: it has no {self._files.settings.name}.", "Bring the folder or its disk back."
            )
