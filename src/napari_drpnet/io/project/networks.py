"""The networks a project can pick with: those of the package, and those trained in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.onnx_files import ONNX
from napari_drpnet.io.paths import is_file
from napari_drpnet.io.weights import PACKAGED, read_card


def networks(folder: Path, role: str) -> list[str]:
    """Names of the networks for a role, as their cards say: the package's, then those in a folder.

    A file in the folder that is called as one of the package is not seen.
    """
    return [*shipped(role), *(name for name in _of_role(folder, role) if not _is_shipped(name))]


def weights(folder: Path, name: str, role: str, root: Path) -> str:
    """What `io.weights.read_weights` takes for a network's name.

    Parameters
    ----------
    folder
        Where the project's networks are.
    name
        Of a network of the package or the project, or a ``.safetensors`` or ``.onnx`` file.
    role
        What is asked for, as its card says.
    root
        Where the path of such a file starts; or it starts in the project's folder.

    Raises
    ------
    UserError
        When there is no such network.
    """
    if not isinstance(name, str):
        raise UserError(f"The name of the {role} is no text.", "Correct the settings of the project.")
    if _is_shipped(name):
        return name
    for path in (folder / f"{name}.safetensors", folder.parent / name, root / name):
        if path.suffix.lower() in (".safetensors", ONNX) and is_file(path):
            return str(path)
    known = cut(", ".join(networks(folder, role)), 150)
    choice = f"Choose one of these, or a .safetensors file: {known}." if known else "Name a .safetensors file."
    raise UserError(f"The project has no {role} named {short(name)}.", choice)


@cache
def shipped(role: str) -> tuple[str, ...]:
    """Names of the package's networks for a role."""
    return tuple(_of_role(PACKAGED, role))


def _is_shipped(name: str) -> bool:
    return is_file(PACKAGED / f"{name}.safetensors")


def _of_role(folder: Path, role: str) -> Iterator[str]:
    """Names of the networks in a folder; files that are none are passed over."""
    for path in sorted(folder.glob("*.safetensors")):
        with suppress(UserError):
            if read_card(path).role == role:
                yield path.stem
