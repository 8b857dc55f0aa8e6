"""File > Save for Points layers, in the format that the suffix of the name tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError
from napari_drpnet.io import write_picks
from napari_drpnet.io.picks.formats import format_of, write_all
from napari_drpnet.layers import LayerTuple, picks_from_layer


def write_points(path: str, layers: Sequence[LayerTuple]) -> list[str]:
    """Write Points layers, in unbinned micrograph pixels.

    Parameters
    ----------
    path
        Where to. Of several layers, a format for many micrographs makes one file; of others the name of each micrograph
        is added before the suffix.
    layers
        Layer tuples as napari gives them. The ring of the Pick form is no pick and is left out.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    UserError
        When a layer cannot be picks, or the file not be written.
    """
    try:
        chosen = [picks_from_layer(data, attributes) for data, attributes, _ in layers if not _is_ring(attributes)]
        if not chosen:
            raise UserError("There are no picks to save.", "Choose a Points layer with picks.")
        if format_of(path).several:
            return [str(write_all(chosen, path))]
        targets = [Path(path)] if len(chosen) == 1 else _names(Path(path), [p.frame.micrograph for p in chosen])
        return [str(write_picks(picks, target)) for picks, target in zip(chosen, targets, strict=True)]
    except UserError as error:
        # napari's notification shows `message` alone.
        raise UserError(str(error)) from None


def _is_ring(attributes: dict[str, Any]) -> bool:
    return (attributes.get("metadata") or {}).get("role") == "ring"


def _names(path: Path, micrographs: Sequence[str]) -> list[Path]:
    """One name per micrograph; a number keeps two layers of one micrograph apart."""
    names: list[Path] = []
    for micrograph in micrographs:
        stem = f"{path.stem}_{Path(micrograph).stem}"
        name, number = path.with_name(stem + path.suffix), 1
        while name in names:
            number += 1
            name = path.with_name(f"{stem}_{number}{path.suffix}")
        names.append(name)
    return names
