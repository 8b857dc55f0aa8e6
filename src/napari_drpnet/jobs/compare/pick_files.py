"""Files of picks that are compared on one micrograph: which of their picks are of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.comparison import some
from napari_drpnet.io import read_picks
from napari_drpnet.io.beside import frame_beside
from napari_drpnet.io.names import alike, own_name, same_micrograph
from napari_drpnet.steps import Job, Progress

_NAMED = 3  # micrographs that a message names


@dataclass(frozen=True, eq=False)
class PickFile:
    """The picks of a file, of one micrograph or of several."""

    path: Path
    entries: Sequence[Picks]

    def picks_of(self, micrograph: str) -> Picks | None:
        """The picks of the micrograph that is most like this one by name; None when there are none.

        Raises
        ------
        UserError
            When names do not tell which of several it is.
        """
        named = {own_name(entry.frame.micrograph, self.path): entry for entry in self.entries}
        names = alike(list(named), micrograph)
        if len(names) > 1:
            raise UserError(
                f"{self.path.name}: {some(names, _NAMED)} may all be {PurePath(micrograph).name}.",
                "Keep the picks of one micrograph under one name.",
            )
        return named[names[0]] if names else None


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
        if file.picks_of(frame.micrograph) is None:
            held = some([entry.frame.micrograph for entry in file.entries], _NAMED)
            raise UserError(
                f"{path.name} has picks of {held}, none of {PurePath(frame.micrograph).name}.",
                "Open the micrograph they are of, or name the file as the micrograph is named.",
            )
        files.append(file)
    return files
