"""A project: a folder that keeps picks, labels, networks and settings of a data set, in files that others can read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import writing
from napari_drpnet.io.lock import Lock
from napari_drpnet.io.paths import exists
from napari_drpnet.io.project.evidence import read_evidence, write_evidence
from napari_drpnet.io.project.files import FOLDERS, Layout, checked, read_settings, write_settings
from napari_drpnet.io.project.index import Record, stamp
from napari_drpnet.io.project.networks import networks, weights
from napari_drpnet.io.project.survey import find_entries
from napari_drpnet.io.project.thresholds import Thresholds
from napari_drpnet.io.safe_names import safe_name
from napari_drpnet.settings import Evidence, ProjectSettings
from napari_drpnet.steps import finish


@dataclass(frozen=True)
class Row:
    """What a list shows of one micrograph: numbers of picks and labels, and how far a person is with it.

    Attributes
    ----------
    name
        Its stem.
    picks
        Particles, labelled or not, outside contaminated regions.
    particles, background
        How many of each kind a person labelled.
    state
        ``new``; ``picked`` by a picker; ``edited`` by a person; ``done``.
    score
        Mean of the scores of the picks; NaN when there is none.
    doubt
        Why its picks were left out, a sentence; empty where they were not.
    picker
        Who proposed the picks; empty when no picker has seen the micrograph.
    evidence, evidence_error
        That the picks are particles, relative to the data set, and the standard error; None where not measured.
    ice
        From the spectrum, see `ice.ice`; None where not measured.
    """

    name: str
    picks: int
    particles: int
    background: int
    state: str
    score: float
    doubt: str = ""
    picker: str = ""
    evidence: float | None = None
    evidence_error: float | None = None
    ice: float | None = None

    @property
    def judged(self) -> bool:
        """Whether a person has finished it, and every pick on it is labelled."""
        return self.state == "done" and self.picks <= self.particles


class Project(Thresholds):
    """One open project; what cannot be done is a `UserError`, and then the files are what they were.

    Safe to use from several threads. Made by `create` and `open`.
    """

    def __init__(
        self, folder: Path, settings: ProjectSettings, lock: Lock | None, read_only: str = "", fresh: bool = False
    ) -> None:
        super().__init__(folder, settings, lock, read_only, fresh)
        self._done = frozenset(settings.done)
        self._evidence: Evidence | None = None

    # ---------------------------------------------------------------- open and close

    @classmethod
    def create(cls, folder: str | Path, *, adopt: bool = True, **settings: Any) -> Project:
        """Make a project, and open it.

        Parameters
        ----------
        folder
            Made where there is none.
        adopt
            Whether to take over the picks that came with its inputs at once; if not, `adopt` does.
        **settings
            Fields of `ProjectSettings`; relative ``inputs`` start in the working folder.

        Raises
        ------
        UserError
            When the folder is a project already or cannot be written, or for unusable settings and inputs.
        """
        folder = Path(folder).absolute()
        files = Layout(folder)
        _require_none(files)
        chosen = checked({"root": _root(folder), **settings}, files.settings)
        find_entries(chosen.inputs, files.root(chosen.root), {})  # before anything is written
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        lock = Lock.take(files.lock)
        if not isinstance(lock, Lock):
            raise UserError(f"{folder} is in use by {lock}.", "Open it, or choose another folder.")
        try:
            _require_none(files)  # another process may have made one meanwhile
            with writing(folder):
                for name in FOLDERS:
                    (folder / name).mkdir(exist_ok=True)
            write_settings(chosen, files.settings)
        except UserError:
            lock.release()
            raise
        return cls(folder, chosen, lock)._complete(adopt)

    @classmethod
    def open(cls, folder: str | Path, read_only: bool = False, *, adopt: bool = True, fresh: bool = False) -> Project:
        """Open a project, for reading only when it cannot be written or another process has it open.

        Parameters
        ----------
        folder
            Of the project.
        read_only
            Open it without the right to write.
        adopt
            Whether to take over the picks that came with its inputs at once, as far as that was not done; if not,
            `adopt` does.
        fresh
            Look at every input and every file, as `refresh` does.

        Raises
        ------
        UserError
            When the folder is no project, damaged, or made by a newer version.
        """
        folder = Path(folder).absolute()
        files = Layout(folder)
        seen, settings = stamp([files.settings]), read_settings(files.settings)
        if read_only:
            return cls(folder, settings, None, "it was opened for reading only", fresh)
        try:
            lock = Lock.take(files.lock)
        except UserError as error:
            return cls(folder, settings, None, error.message.rstrip("."), fresh)
        if isinstance(lock, Lock):
            settings = settings if stamp([files.settings]) == seen else read_settings(files.settings)
            return cls(folder, settings, lock, fresh=fresh)._complete(adopt)
        reason = f"another window has it open ({lock})"
        if not lock.here:
            reason += f"; if that program has ended, delete {files.lock}"
        return cls(folder, settings, None, reason, fresh)

    def close(self) -> None:
        """Let others open it; nothing can be written from here any more."""
        with self._guard:
            if self._lock is not None:
                self._lock.release()
            self._lock, self.read_only = None, self.read_only or "it is closed"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self, *, adopt: bool = True) -> None:
        """Look for new micrographs in the inputs, and for files that other programs changed; ``adopt`` as of `open`."""
        with self._guard:
            self._index.forget()
            self._evidence = None
            self._survey()
            self._complete(adopt)

    def _complete(self, adopt: bool) -> Self:
        if adopt:
            finish(self.adopt())
        return self

    # ---------------------------------------------------------------- rows

    def row(self, name: str) -> Row:
        """What a list shows of one micrograph."""
        record = self._record(name)
        numbers = (record.picks, record.particles, record.background)
        doubt = self.evidence.left_out.get(name, "")
        return Row(name, *numbers, self._state(record), record.score, doubt, record.picker, *record.measured)

    def rows(self) -> list[Row]:
        """What a list shows, in the order of `micrographs`."""
        return [self.row(name) for name in self._index.records]

    def _state(self, record: Record) -> str:
        if record.name in self._done:
            return "done"
        if record.particles or record.background or record.region:
            return "edited"
        return "picked" if record.picker or record.picks else "new"

    # ---------------------------------------------------------------- evidence

    @property
    def evidence(self) -> Evidence:
        """What is known of the data set, as it was when the project was opened or it was last kept."""
        known = self._evidence
        if known is None:
            with self._guard:  # else nobody waits for who is writing
                known = self._evidence = read_evidence(self._files.evidence)
        return known

    def keep_evidence(self, evidence: Evidence) -> None:
        """Remember what is known of the data set.

        Raises
        ------
        UserError
            When the project cannot be written.
        """
        with self._guard:
            self.require_writable()
            if evidence != self.evidence:
                write_evidence(evidence, self._files.evidence)
                self._evidence = evidence

    # ---------------------------------------------------------------- settings

    def mark_done(self, name: str, done: bool) -> None:
        """Tell that a person has finished a micrograph, or has not."""
        name = self._record(name).name
        others = tuple(one for one in self.settings.done if one != name)
        self.update(done=(*others, name) if done else others)

    def update(self, *, adopt: bool = True, **settings: Any) -> None:
        """Change settings and write ``project.yaml``; new ``inputs`` are looked through, ``adopt`` as of `open`.

        Raises
        ------
        UserError
            For unusable settings, or when the project cannot be written; nothing has changed then.
        """
        with self._guard:
            self.require_writable()
            former = self.settings
            chosen = checked({**dict(former), **settings}, self._files.settings)
            if chosen.inputs != former.inputs:
                find_entries(chosen.inputs, self.root, self._index.records)
            write_settings(chosen, self._files.settings)
            self.settings, self._done = chosen, frozenset(chosen.done)
            if chosen.inputs != former.inputs:
                self.refresh(adopt=adopt)
            elif chosen.pixel_size != former.pixel_size:
                self._entries = self._all_entries()

    # ---------------------------------------------------------------- networks and patch sets

    def networks(self, role: str) -> list[str]:
        """Names of networks for a role, as their cards say: those of the package, then the project's."""
        return networks(self._files.networks, role)

    def weights(self, name: str, role: str) -> str:
        """What the picker loads for a network's name, see `networks.weights`."""
        return weights(self._files.networks, name, role, self.root)

    @property
    def patches(self) -> Path:
        """The folder of its patch sets, one folder each."""
        return self._files.patches

    @property
    def templates(self) -> Path:
        """The folder of averages that a picker looks for; it may not be there."""
        return self._files.templates

    def patch_set(self, name: str) -> Path:
        """The folder of one of its patch sets, there or not.

        Raises
        ------
        UserError
            When the name would leave the project.
        """
        return self.patches / safe_name(name)


def _require_none(files: Layout) -> None:
    if exists(files.settings):
        raise UserError(f"{files.folder} is a project already.", "Open it, or choose another folder.")


def _root(folder: Path) -> str:
    """The working folder as the settings of a project in ``folder`` write it."""
    try:
        return Path(os.path.relpath(Path.cwd(), folder)).as_posix()
    except ValueError:  # another drive
        return Path.cwd().as_posix()
