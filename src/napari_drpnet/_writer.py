"""File > Save for Points and Shapes layers, in the format that the suffix of the name tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import micrograph_stem, write_picks
from napari_drpnet.io.names import safe_place
from napari_drpnet.io.picks.formats import BOX, CBOX, TOPAZ, format_of, write_all
from napari_drpnet.layers import FramePicks, LayerTuple, by_frame, place, present_sight, sizes, stand_in

NO_PICKS = ("ring", "marks")  # roles of our layers that only point at something


def write_points(path: str, layers: Sequence[LayerTuple]) -> list[str]:
    """Write Points and Shapes layers, in unbinned pixels of the micrographs that they lie on.

    Those are the micrographs of the viewer that shows the layers, else of the one in use. Without a viewer, layers of
    our own are written as they say, and others where they are neither scaled nor moved.

    Parameters
    ----------
    path
        Where to. Of several layers or frames, a format for many micrographs makes one file; of others the name of each
        micrograph and the number of each frame are added before the suffix.
    layers
        Layer tuples as napari gives them. The ring of the Pick form is no pick and is left out.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    UserError
        When a layer cannot be picks, its pixels or its micrograph are not known, or the file cannot be written.

    Warns
    -----
    UserWarning
        Where another image could be meant, and for what is left out.
    """
    try:
        return [str(written) for written in _write(Path(path), layers)]
    except UserError as error:
        # napari's notification shows `message` alone.
        raise UserError(str(error)) from None


def _write(path: Path, layers: Sequence[LayerTuple]) -> list[Path]:
    form = format_of(path)
    found = [
        one
        for layer in layers
        if (layer[1].get("metadata") or {}).get("role") not in NO_PICKS
        for one in by_frame(place(layer, present_sight(layer)), str(layer[1].get("name", layer[2])))
    ]
    if not found:
        raise UserError("There are no picks to save.", "Choose a Points or Shapes layer with picks.")
    if form.several:
        return [write_all([_named(one, path, folders=form is not TOPAZ) for one in found], path)]
    targets = [path] if len(found) == 1 else _targets(path, found)
    chosen = [one.picks if one.micrograph else _of(one.picks, micrograph_stem(path)) for one in found]
    if form in (BOX, CBOX):
        chosen = [_sized(picks, target) for picks, target in zip(chosen, targets, strict=True)]
    return [write_picks(picks, target) for picks, target in zip(chosen, targets, strict=True)]


def _of(picks: Picks, micrograph: str) -> Picks:
    return replace(picks, frame=replace(picks.frame, micrograph=micrograph))


def _named(one: FramePicks, path: Path, folders: bool) -> Picks:
    """Picks that tell their micrograph; frames without the folders where the format has none."""
    if not one.micrograph:
        raise UserError(
            f"{path}: the file names the micrograph of each pick, and none is open under the points.",
            "Open the micrograph that they were made on, or save them as STAR, CSV or EMAN.",
        )
    safe_place(one.micrograph)  # a name that no file can have breaks the table
    if one.number is None or folders:
        return one.picks
    return _of(one.picks, f"{one.number:06d}@{Path(one.micrograph).name}")


def _sized(picks: Picks, path: Path) -> Picks:
    """Picks with a size each: boxes have one in any case."""
    unknown = int(np.sum(~np.isfinite(picks.diameter)))
    if not unknown:
        return picks
    usual = stand_in(picks.frame)
    warn(
        f"{path}: {unknown} points have no size of their own, and get boxes of {usual:.0f} pixels. For others, set the "
        "points' size to the particles' diameter.",
        stacklevel=5,
    )
    return replace(picks, diameter=sizes(picks, usual))


def _targets(path: Path, found: Sequence[FramePicks]) -> list[Path]:
    """A file each: its name says the micrograph, if there are several, and the frame; a number tells equals apart."""
    several = len({one.micrograph for one in found}) > 1 or all(one.number is None for one in found)
    names: list[Path] = []
    for one in found:
        parts = [path.stem]
        if several and one.micrograph:
            parts.append(micrograph_stem(one.micrograph))
        if one.number is not None:
            parts.append(f"frame{one.number:03d}")
        stem, number = "_".join(parts), 1
        name = path.with_name(stem + path.suffix)
        while name in names:
            number += 1
            name = path.with_name(f"{stem}_{number}{path.suffix}")
        names.append(name)
    return names
