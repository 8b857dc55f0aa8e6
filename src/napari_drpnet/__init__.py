"""Find particles in cryo-EM micrographs with DRPnet, in napari and on the command line.

The public names are loaded when first used, so that ``import napari_drpnet`` (which napari does at
start-up) costs nothing: neither torch, nor Qt, nor napari is imported here.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from napari_drpnet.data import Frame, Micrograph, Picks, ScoreMap
    from napari_drpnet.errors import UserError
    from napari_drpnet.io import read_micrograph, read_picks, write_picks
    from napari_drpnet.pickers import load_picker

__all__ = [
    "Frame",
    "Micrograph",
    "Picks",
    "ScoreMap",
    "UserError",
    "load_picker",
    "read_micrograph",
    "read_picks",
    "write_picks",
]

_HOME = {
    "Frame": "data",
    "Micrograph": "data",
    "Picks": "data",
    "ScoreMap": "data",
    "UserError": "errors",
    "load_picker": "pickers",
    "read_micrograph": "io",
    "read_picks": "io",
    "write_picks": "io",
}


if not TYPE_CHECKING:  # to a type checker it would make every name one of this package, of any type

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return version("napari-drpnet")
        if name in _HOME:
            return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
