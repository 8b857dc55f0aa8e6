"""Where the files of a project are, its settings, and its list for RELION."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.fields import dump, read_fields
from napari_drpnet.io.files import reading, write_text
from napari_drpnet.io.paths import exists, is_dir
from napari_drpnet.io.project.index import stamp
from napari_drpnet.io.safe_names import is_safe, safe_name
from napari_drpnet.io.star_lists import COORDINATES, MICROGRAPH
from napari_drpnet.io.star_table import format_table
from napari_drpnet.settings import DEFAULT_PICKER, ProjectSettings, validated

VERSION = 2
FOLDERS = ("picks", "labels", "regions", "candidates", "networks", "patches")
# What was for its own in version 1, of the default picker.
_NETWORKS_OF_1 = ("detector", "classifier")
# The stamp of a micrograph without any file.
NO_FILES = "-,-,-"
PICKS_ENDING = "_autopick.star"
# What `atomic_write` leaves behind when the program is killed.
_LEFT_OVER = re.compile(r"\.[0-9a-f]{12}(\.\w+)?")


@dataclass(frozen=True)
class Layout:
    """The files of a project; methods take the name of a micrograph, and refuse one that would leave the folder."""

    folder: Path

    def root(self, written: str) -> Path:
        """The folder that names start from, as the settings write it."""
        return Path(os.path.normpath(self.folder / written))

    @property
    def settings(self) -> Path:
        """What `ProjectSettings` says."""
        return self.folder / "project.yaml"

    @property
    def index(self) -> Path:
        """What the list shows."""
        return self.folder / "index.tsv"

    @property
    def evidence(self) -> Path:
        """What is known of the data set, see `evidence.read_evidence`."""
        return self.folder / "evidence.yaml"

    @property
    def list(self) -> Path:
        """What RELION 4 and 5 import."""
        return self.folder / "autopick.star"

    @property
    def lock(self) -> Path:
        """Who has it open."""
        return self.folder / ".lock"

    @property
    def networks(self) -> Path:
        """Weights that were trained in the project."""
        return self.folder / "networks"

    @property
    def patches(self) -> Path:
        """Patch sets."""
        return self.folder / "patches"

    @property
    def templates(self) -> Path:
        """Averages that a picker looks for."""
        return self.folder / "templates"

    def picks(self, name: str) -> Path:
        """What RELION extracts."""
        return self.folder.joinpath("picks", f"{safe_name(name)}{PICKS_ENDING}")

    def labels(self, name: str) -> Path:
        """What a person said."""
        return self.folder.joinpath("labels", f"{safe_name(name)}.star")

    def candidates(self, name: str) -> Path:
        """What a picker could pick."""
        return self.folder.joinpath("candidates", f"{safe_name(name)}.npz")

    def region(self, name: str) -> Path:
        """What is contaminated."""
        return self.folder.joinpath("regions", f"{safe_name(name)}.png")

    def stamp(self) -> str:
        """When files last came, went or were replaced."""
        return stamp(self.folder / name for name in ("picks", "labels", "regions"))

    def stamp_of(self, name: str) -> str:
        """Sizes and times of the files of one micrograph."""
        return stamp((self.picks(name), self.labels(name), self.region(name)))

    def stamps(self) -> dict[str, str]:
        """`stamp_of` of every micrograph that has a file, by a look at each file."""
        found: dict[str, list[str]] = {}
        for i, (folder, suffix) in enumerate((("picks", PICKS_ENDING), ("labels", ".star"), ("regions", ".png"))):
            for file, look in _stamps(self.folder / folder, suffix):
                if is_safe(name := file.removesuffix(suffix)):
                    found.setdefault(name, ["-", "-", "-"])[i] = look
        return {name: ",".join(looks) for name, looks in found.items()}

    def sweep(self, folders: Iterable[str]) -> None:
        """Remove what a killed program had not finished, in the project's own folder and in these of its `FOLDERS`."""
        for folder in (self.folder, *(self.folder / name for name in folders)):
            with suppress(OSError), os.scandir(folder) as files:
                for file in files:
                    if _LEFT_OVER.fullmatch(file.name):
                        Path(file).unlink(missing_ok=True)


def _stamps(folder: Path, suffix: str) -> Iterator[tuple[str, str]]:
    if not is_dir(folder):
        return
    with reading(folder), os.scandir(folder) as files:
        for file in files:
            if file.name.endswith(suffix) and file.name[0] != ".":
                status = file.stat()
                yield file.name, f"{status.st_mtime_ns:x}.{status.st_size:x}"


# ---------------------------------------------------------------- settings


def checked(fields: dict[str, Any], path: Path) -> ProjectSettings:
    """Settings from their fields; ``path`` is for the message.

    Raises
    ------
    UserError
        When one is unknown or unusable, or the project is of a newer version.
    """
    version = fields.get("version", VERSION)
    if isinstance(version, int) and version > VERSION:
        raise UserError(
            f"{path}: a newer version of napari-drpnet made this project (version {cut(str(version), 12)}; "
            f"{VERSION} is known here).",
            "Update napari-drpnet, or choose another project.",
        )
    return validated(ProjectSettings, _of_today(fields), path)


def _of_today(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as this version has them: in version 1 two networks were not among the picker's settings."""
    if fields.get("version", VERSION) != 1:
        return fields
    kept = {name: value for name, value in fields.items() if name not in _NETWORKS_OF_1}
    if fields.get("picker", DEFAULT_PICKER) == DEFAULT_PICKER and isinstance(fields.get("options", {}), dict):
        named = {name: fields[name] for name in _NETWORKS_OF_1 if fields.get(name)}
        kept["options"] = fields.get("options", {}) | named
    return kept | {"version": VERSION}


def read_settings(path: Path) -> ProjectSettings:
    """The settings of a project's file.

    Raises
    ------
    UserError
        When there is none, or it cannot be used.
    """
    if not exists(path):
        raise UserError(f"{path.parent} is not a project: it has no {path.name}.", "Name micrographs to make one.")
    return checked(read_fields(path, "Correct it."), path)


def write_settings(settings: ProjectSettings, path: Path) -> None:
    """Write the settings atomically."""
    fields = settings.model_dump(mode="json")
    lists = {name: value for name, value in fields.items() if isinstance(value, list)}
    text = dump({n: v for n, v in fields.items() if n not in lists})
    for name, values in lists.items():
        # A string in JSON is one in YAML; the dumper needs a second for thousands of them.
        text += f"{name}:" + ("".join(f"\n- {_quoted(value)}" for value in values) or " []") + "\n"
    write_text(f"# A project of napari-drpnet; see docs/file-formats.md.\n{text}", path)


def _quoted(text: str) -> str:
    if text.isascii() and text.isprintable():
        return json.dumps(text)
    return dump(text, default_style='"', width=10**9).strip()


# ---------------------------------------------------------------- lists for RELION


def write_list(files: Layout, root: Path, listed: Sequence[tuple[str, str]]) -> None:
    """Write ``autopick.star`` of pairs of a micrograph's name in the inputs and in the project."""
    columns = {MICROGRAPH: [name for name, _ in listed], COORDINATES: [coordinates(files, root, n) for _, n in listed]}
    # Without the blank line that ends a loop, so that rows can be appended.
    write_text(format_table(columns, "coordinate_files").rstrip("\n") + "\n", files.list)


def coordinates(files: Layout, root: Path, name: str) -> str:
    """The file of picks as RELION finds it: from its project's folder where that is possible."""
    path = files.picks(name)
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()
