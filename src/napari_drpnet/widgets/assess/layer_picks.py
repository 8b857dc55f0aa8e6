"""The picks of a layer of the viewer, and the micrographs that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io import micrograph_stem
from napari_drpnet.io.names import is_of_file
from napari_drpnet.io.paths import is_file
from napari_drpnet.layers import by_frame, place, present_sight, there

if TYPE_CHECKING:
    from napari.viewer import Viewer

_LONGEST = 40  # letters of a name in a message


@dataclass(frozen=True, eq=False)
class LayerPicks:
    """Particles of a layer.

    Attributes
    ----------
    picks
        Of each micrograph, in its pixels.
    files
        Of these micrographs; None where that is not known.
    """

    picks: tuple[Picks, ...]
    files: tuple[Path | None, ...]

    @property
    def of(self) -> str:
        """The micrograph in a word, or how many there are."""
        several = f"{len(self.picks)} micrographs"
        return micrograph_stem(self.picks[0].frame.micrograph) if len(self.picks) == 1 else several


def picks_of_layer(layer: Any, viewer: Viewer) -> LayerPicks:
    """The particles that a Points or Shapes layer shows now; main thread only.

    Raises
    ------
    UserError
        When it is gone, has none, or it is not known of which micrographs they are.

    Warns
    -----
    UserWarning
        As `layers.place`.
    """
    title = f"Layer {short(layer.name, _LONGEST)}"
    if there(viewer, layer) is None:
        raise UserError(f"{title} is no longer in the viewer.", "Choose the picks anew.")
    made = layer.as_layer_data_tuple()
    placed = place(made, present_sight(made))
    found = [(one, one.picks.select(one.picks.label != "background")) for one in by_frame(placed, layer.name)]
    found = [(one, picks) for one, picks in found if len(picks)]
    if not found:
        raise UserError(f"{title} has no picks.", "Choose another layer, or a file.")
    if not all(one.micrograph for one, _ in found):
        raise UserError(f"{title} lies on no micrograph.", "Open the micrograph that its points were made on.")
    if any(one.number is not None for one, _ in found):
        raise UserError(
            f"{title} has picks on frames of {Path(found[0][0].micrograph).name}, a stack.",
            "Picks are judged on micrographs that have a file each: save the frames as such.",
        )
    files = [one.micrograph if placed.paths else placed.file for one, _ in found]
    return LayerPicks(
        tuple(picks for _, picks in found), tuple(None if file is None else Path(file).absolute() for file in files)
    )


def source_of_layer(layer: Any) -> Path | None:
    """Where the picks of all micrographs are of a layer that was opened from a file: that file, or its folder.

    None of a layer of other making, and where the file is gone.
    """
    path, frame = layer.metadata.get("path"), layer.metadata.get("frame")
    if not path or frame is None or not is_file(path):
        return None
    file = Path(path).absolute()
    return file.parent if is_of_file(frame.micrograph, file) else file
