"""File > Open: micrographs and stacks as Image layers, coordinates as Points layers where they were.

Coordinates are in pixels, images mostly in Angstrom. So that both lie on each other, in whichever order they are
opened, a layer takes the pixel size of the same micrograph in the viewer, or of its file beside the coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import warn

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError, without_options
from napari_drpnet.io import is_image, is_picks, micrograph_stem, open_image, read_picks
from napari_drpnet.io.beside import file_beside, frame_beside
from napari_drpnet.io.images import ImageFile
from napari_drpnet.io.inputs import expand
from napari_drpnet.io.mrc import in_order
from napari_drpnet.io.names import NameIndex, own_name
from napari_drpnet.io.paths import is_dir
from napari_drpnet.io.picks.binning import binning, on_micrograph
from napari_drpnet.io.star_lists import MicrographEntry
from napari_drpnet.jobs import is_project_or_micrographs, listed_micrographs
from napari_drpnet.layers import (
    LayerTuple,
    called,
    frame_in_stack,
    frame_of,
    ground_of,
    image_layer,
    laid_on,
    pixels,
    points_layer,
    set_pixel_size,
    show_scale_bar,
    volume_layer,
)

if TYPE_CHECKING:
    from napari.layers import Image, Layer

Reader = Callable[[str | Sequence[str]], list[Any]]
MAX_LAYERS = 10
NOTHING = [(None,)]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """What reads these files; None when they are not ours.

    Parameters
    ----------
    path
        One file, or several that are to become one stack.
    """
    paths = [Path(p) for p in ([path] if isinstance(path, str) else path)]
    if len(paths) == 1 and is_dir(paths[0]):
        return _read_folder if is_project_or_micrographs(paths[0]) else None
    if paths and all(is_image(p) for p in paths):
        return _read_images
    if paths and all(is_picks(p) for p in paths):
        return _read_coordinates
    return None


def _read_images(path: str | Sequence[str]) -> list[Any]:
    return _tell(lambda: [_image(Path(path))] if isinstance(path, str) else _together([Path(p) for p in path]))


def _read_folder(path: str | Sequence[str]) -> list[Any]:
    (folder,) = [Path(p) for p in ([path] if isinstance(path, str) else path)]
    return _tell(lambda: _offered(folder) or [_image(entry.path) for entry in _few(folder, expand(str(folder)))])


def _read_coordinates(path: str | Sequence[str]) -> list[Any]:
    paths = [path] if isinstance(path, str) else path
    return _tell(lambda: [layer for p in paths for layer in _coordinates(Path(p))])


def _tell(read: Callable[[], list[LayerTuple]]) -> list[Any]:
    """The layers; in napari's window an error is one notification, elsewhere it is raised.

    napari would wrap the error into one of its own that says nothing about the file.
    """
    try:
        return read()
    except UserError as error:
        from napari import current_viewer  # the window

        if current_viewer() is None:
            raise
        from napari.utils.notifications import show_error

        show_error(error.plain)
        return NOTHING


# ---------------------------------------------------------------- images


def _image(path: Path, pixel_size: float | None = None) -> LayerTuple:
    file = open_image(path)
    if file.volume:
        return _volume(file)
    height, width = file.array.shape[-2:]
    return _settled(file.array, Frame(_whole(path), (height, width), pixel_size or file.pixel_size), path)


def _volume(file: ImageFile) -> LayerTuple:
    """A map or tomogram to look at; the forms do not take it for a micrograph."""
    from napari.utils.notifications import show_info

    show_info(
        f"{file.path.name} is a 3D volume ({_size(file.array)}). It is shown, but not picked: particles are picked on "
        "2D micrographs."
    )
    return volume_layer(in_order(file.path, file.array), file.pixel_size, micrograph_stem(file.path), file.path)


def _together(paths: Sequence[Path]) -> list[LayerTuple]:
    """Volumes, such as two half maps, as a layer each, by their names; images as one stack."""
    files = [open_image(path) for path in paths]
    if all(file.volume for file in files):
        return [_volume(file) for file in files]
    return [_stack(files)]


def _stack(files: Sequence[ImageFile]) -> LayerTuple:
    """Several images of one size as one layer, each read when it is shown."""
    import dask.array as da  # slow to load

    first = files[0]
    for file in files:
        if file.volume:
            raise UserError(f"{file.path} is a 3D volume.", "Open volumes and images apart.")
        if file.array.shape != first.array.shape:
            raise UserError(
                f"{file.path} is {_size(file.array)}, but {first.path.name} is {_size(first.array)}.",
                "Images of different sizes are no stack: open them one by one.",
            )
    lazy = [da.from_array(f.array, chunks=f.array.shape, name=False) for f in files]  # type: ignore[no-untyped-call]
    array = da.stack(lazy)  # type: ignore[no-untyped-call]
    height, width = first.array.shape[-2:]
    frame = Frame(_whole(first.path), (height, width), first.pixel_size)
    data, attributes, kind = _settled(array, frame, first.path)
    attributes["metadata"]["paths"] = [_whole(file.path) for file in files]
    return data, attributes, kind


def _whole(path: Path) -> str:
    """What an open micrograph is called: two in different folders may have the same file name."""
    return path.absolute().as_posix()


def _size(array: Any) -> str:
    return " x ".join(str(side) for side in array.shape)


def _settled(array: Any, frame: Frame, path: Path) -> LayerTuple:
    """The image's layer; it and the picks of this micrograph that are open get one pixel size."""
    index = NameIndex([*(other.metadata["frame"].micrograph for other in _open_images()), frame.micrograph])
    ours = [(layer, called(layer.metadata["frame"], layer.metadata)) for layer in _open_layers()]
    same = [layer for layer, name in ours if index.find(name) == [frame.micrograph]]
    if frame.pixel_size is None:
        sizes = [layer.metadata["frame"].pixel_size for layer in same]
        frame = replace(frame, pixel_size=next((size for size in sizes if size), None))
    else:
        set_pixel_size([la for la in same if not la.metadata["frame"].pixel_size], frame.micrograph, frame.pixel_size)
    show_scale_bar()
    return image_layer(array, frame, path=path)


# ---------------------------------------------------------------- coordinates


def _coordinates(path: Path) -> list[LayerTuple]:
    listed = listed_micrographs(path)
    if listed and not any(_open_image(entry.name, path) for entry in listed) and (offered := _offered(path)):
        return offered
    try:
        found = read_picks(path, frame_of=_frame_of)
    except UserError as error:
        if not listed:
            raise error
        return [_image(entry.path, entry.pixel_size) for entry in _few(path, listed)]
    if len(found) > MAX_LAYERS:
        names = len(found)
        found = [picks for picks in found if _open_image(picks.frame.micrograph, path) is not None]
        if not 0 < len(found) <= MAX_LAYERS:
            raise UserError(
                f"{path} holds the picks of {names} micrographs, too many to show at once.",
                "Open the micrograph you want to see first, then this file.",
            )
    return [_points(picks, path) for picks in found]


def _points(picks: Picks, path: Path) -> LayerTuple:
    """The layer of picks; if their micrograph is open, it lies on it, and on their frame if they are of a stack."""
    image = _open_image_of(picks, path)
    if image is None:
        found = frame_beside(picks.frame.micrograph, path)
        return points_layer(picks if found is None else _counted(picks, found, path), path=path)
    known = frame_of(image)
    name, position = frame_in_stack(picks.frame.micrograph, pixels(image).shape[:-2])
    here = replace(_counted(picks, known, path), frame=replace(known, micrograph=name))
    return laid_on(points_layer(here, path=path, position=position), ground_of(image, _layers()))


def _few(path: Path, entries: Sequence[MicrographEntry]) -> Sequence[MicrographEntry]:
    """The micrographs of a list, as long as they are few."""
    if len(entries) > MAX_LAYERS:
        raise UserError(
            f"{path} has {len(entries)} micrographs, too many to open at once.",
            "Open some of them by their names, or make a project of them.",
        )
    return entries


def _offered(path: Path) -> list[Any]:
    """In the window, a folder or a list of micrographs is offered as a project; nothing where there is none."""
    from napari import current_viewer  # the window

    viewer = current_viewer()
    if viewer is None:
        return []
    from napari_drpnet.widgets.workspace.offer import offer_project

    offer_project(viewer, path)
    return NOTHING


def _counted(picks: Picks, known: Frame, path: Path) -> Picks:
    """Picks in the pixels of their micrograph, which is at hand; their file may be of a binned one."""
    how = binning(picks.frame, known, decides=True, scale=None)
    placed = on_micrograph(picks, known, how, path)
    if how.said:
        sizes = f"pixel sizes of {picks.frame.pixel_size:g} A in it and of {known.pixel_size:g} A of its micrograph"
        warn(without_options(f"{path}: {sizes}: {how.said}."), stacklevel=2)
    return replace(placed, frame=replace(placed.frame, micrograph=picks.frame.micrograph))


def _frame_of(name: str, path: Path) -> Frame | None:
    """What is known of a micrograph by its name: from the viewer, or from its file near the picks."""
    image = _open_image(name, path)
    return frame_beside(name, path) if image is None else frame_of(image)


def _open_image_of(picks: Picks, path: Path) -> Image | None:
    """The micrograph in the viewer: that of the same name, or the only one if the picks lie within it."""
    image = _open_image(picks.frame.micrograph, path)
    if image is not None:
        return image
    images = _open_images() if file_beside(picks.frame.micrograph, path) is None else []
    shape = frame_of(images[0]).shape if len(images) == 1 else None
    fits = shape is not None and picks.frame.shape in (None, shape) and np.all(picks.yx <= shape)
    return images[0] if fits else None


def _open_image(name: str, path: Path) -> Image | None:
    """The open micrograph, or stack of frames, that picks in the file ``path`` are of, which calls it ``name``."""
    images = {layer.metadata["frame"].micrograph: layer for layer in _open_images()}
    beside = file_beside(name, path)  # which may be nearer than one of its name in another folder
    index = NameIndex([*images, *([beside.as_posix()] if beside else [])])
    found = index.find(own_name(name.rpartition("@")[2], path))
    return images.get(found[0]) if len(found) == 1 else None


def _open_images() -> list[Image]:
    return [layer for layer in _open_layers() if layer.metadata["role"] == "micrograph"]


def _open_layers() -> list[Any]:
    """Our layers in the viewer, if there is one."""
    return [layer for layer in _layers() if "frame" in layer.metadata]


def _layers() -> list[Layer]:
    from napari import current_viewer  # the window

    viewer = current_viewer()
    return list(viewer.layers) if viewer else []
