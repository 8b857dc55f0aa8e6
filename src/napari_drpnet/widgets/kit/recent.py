"""The projects that were open last, remembered from window to window."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSettings

from napari_drpnet.io.paths import exists

MOST = 6
_KEY = "recent projects"


def recent_projects() -> list[Path]:
    """Folders of the projects that were open last, the last one first; those that are gone are left out."""
    return [folder for folder in _remembered() if exists(folder / "project.yaml")]


def remember_project(folder: Path) -> None:
    """A project was opened."""
    folder = folder.absolute()
    others = [one for one in _remembered() if one != folder]
    _store().setValue(_KEY, "\n".join(map(str, [folder, *others][:MOST])))


def _remembered() -> list[Path]:
    kept = _store().value(_KEY, "")
    return [Path(line) for line in str(kept or "").split("\n") if line]


def _store() -> QSettings:
    """A file of the user's own, where napari keeps none of a plugin."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-drpnet", "window")
