"""Micrographs, score maps and picks as napari layers, and back: the only place that builds layer tuples.

Every layer lies in one world: Angstrom, with the centre of the first micrograph pixel at 0; where the
pixel size is not known the world is in micrograph pixels. A layer tells its place by ``scale``,
``translate`` and ``units``, which is where it is read back from, so that a pixel size set later holds.
Images may have leading axes (frames); a Points layer then carries the frame's number in front.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, MaskArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io import micrograph_stem
from napari_drpnet.preprocess import prepare
from napari_drpnet.settings import PreprocessSettings

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer, Points

LayerTuple = tuple[Any, dict[str, Any], str]

PICK_COLOUR = "#00e5ff"
TRUTH_COLOUR = "#ffb000"
BACKGROUND_COLOUR = "#ff4d6d"
LABELLED_COLOUR = "#ffe14d"
REGION_COLOUR = "#c86bff"
STAND_IN_DIAMETER = 180.0  # Angstrom, drawn where a file holds no diameter
STAND_IN_PIXELS = 100.0  # and where the pixel size is not known either
# An image for the eye: pixels a particle spans there, sigmas of the smoothing and of the illumination in diameters.
EYE_PIXELS, EYE_SMOOTHING, EYE_ILLUMINATION = 48.0, 0.05, 4.0
COARSE = 512  # pixels along the shorter side of the coarsest level
NEW_POINT = {"score": np.nan, "label": "particle", "source": "manual", "pick_id": -1, "class": 0, "psi": 0.0}
LABELS = ("particle", "background")
_DRAWING = ("set_data", "highlight", "size", "symbol", "border_width", "border_color")


# ---------------------------------------------------------------- where a layer lies


def placement(frame: Frame, leading: int = 0) -> dict[str, Any]:
    """Scale, translate, units and axis labels of a layer in working pixels of ``frame``.

    Parameters
    ----------
    frame
        Its pixel size gives the Angstrom; its scale the half-pixel shift of rescaled images.
    leading
        Number of axes before y and x.
    """
    step = frame.pixel_size or 1.0
    unit = "angstrom" if frame.pixel_size else "pixel"
    origin = frame.to_micrograph(np.zeros((1, 2)))[0] * step
    return {
        "scale": (1.0,) * leading + (step / frame.scale,) * 2,
        "translate": (0.0,) * leading + (float(origin[0]), float(origin[1])),
        "units": ("pixel",) * leading + (unit,) * 2,
        "axis_labels": (*(f"frame {i}" if i else "frame" for i in range(leading)), "y", "x"),
    }


@cache
def _angstrom(unit: str) -> float | None:
    """How many Angstrom one unit of length is; None for pixels."""
    import pint

    try:
        return float(pint.Quantity(1.0, unit).to("angstrom").magnitude)
    except pint.DimensionalityError:
        return None


def _pixel_size(scale: npt.ArrayLike, units: Sequence[Any], frame_scale: float, name: str) -> float | None:
    """Angstrom per micrograph pixel of a layer with this ``scale``; None when it is in pixels."""
    angstrom = _angstrom(str(units[-1]))
    if angstrom is None:
        return None
    height, width = (float(step) for step in np.asarray(scale)[-2:])
    if not np.isclose(height, width, rtol=1e-3):
        raise UserError(
            f"{name}: its pixels are not square ({height:g} by {width:g}).", "Give the layer one scale in y and x."
        )
    return width * angstrom * frame_scale


def frame_of(layer: Image) -> Frame:
    """The frame an image layer is in, of our own or any other making.

    Raises
    ------
    UserError
        When its pixels are not square, or its colours make it no micrograph.
    """
    if layer.rgb:
        raise UserError(f"{layer.name}: a colour picture is no micrograph.", "Split its channels and choose one.")
    height, width = pixels(layer).shape[-2:]
    frame = layer.metadata.get("frame") or Frame(layer.name, (height, width))
    return replace(frame, pixel_size=_pixel_size(layer.scale, layer.units, frame.scale, layer.name))


def pixels(layer: Image) -> Any:
    """The full-resolution array of an image layer, ``(..., h, w)``."""
    return layer.data[0] if layer.multiscale else layer.data


def set_pixel_size(layers: Sequence[Layer], micrograph: str, pixel_size: float | None) -> None:
    """Give all layers of one micrograph a new pixel size (Angstrom), in place; None puts them into pixels."""
    for layer in layers:
        frame = layer.metadata.get("frame") or Frame(layer.name)
        if micrograph_stem(frame.micrograph) != micrograph_stem(micrograph):
            continue
        frame = replace(frame, pixel_size=pixel_size)
        for name, value in placement(frame, layer.ndim - 2).items():
            setattr(layer, name, value)
        layer.metadata = {**layer.metadata, "frame": frame, "pixel_size": pixel_size}


# ---------------------------------------------------------------- images


def pyramid(image: Any) -> list[Any]:
    """An ``(h, w)`` image, its 2 x 2 means, theirs, and so on down to about 512 pixels.

    A micrograph is far larger than the window and mostly noise. Drawn by leaving out pixels, its particles drown
    in that noise; drawn as means they stand out. The first level is ``image`` itself, which stays lazy.
    """
    levels = [image]
    while min(levels[-1].shape) >= 2 * COARSE:
        levels.append(_halved(np.asarray(levels[-1])))
    return levels


def _halved(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    a, b, c, d = (image[y:height:2, x:width:2].astype(np.float32) for y in (0, 1) for x in (0, 1))
    mean = (a + b + c + d) * np.float32(0.25)
    return np.rint(mean).astype(image.dtype) if image.dtype.kind in "iu" else mean.astype(image.dtype)


def contrast_limits(image: Any) -> tuple[float, float]:
    """Grey levels to show as black and white, from an ``(h, w)`` image: percentiles, and a little room around them.

    Of a large image give a coarse level of its `pyramid`: the noise of the single pixels hides the particles' range.
    """
    sample = np.asarray(image, dtype=np.float32)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(sample, (0.5, 99.5)))
    room = 0.1 * (high - low)
    return (low - room, high + room) if high > low else (low, low + 1.0)


def image_layer(
    image: Any, frame: Frame, *, name: str | None = None, path: Path | None = None, role: str = "micrograph"
) -> LayerTuple:
    """An Image layer of an ``(..., h, w)`` array in working pixels of ``frame``.

    One image becomes a multiscale layer (see `pyramid`), whose ``data[0]`` is the array as given. Stacks stay as
    they are, lazy where they were.
    """
    single = image.ndim == 2
    levels = pyramid(image if single else image[tuple(size // 2 for size in image.shape[:-2])])
    attributes = {
        "name": name or micrograph_stem(frame.micrograph),
        "colormap": "gray",
        "contrast_limits": contrast_limits(levels[-2] if len(levels) > 1 else levels[0]),
        "interpolation2d": "linear",
        "multiscale": single,
        "metadata": _metadata(frame, role, path),
        **placement(frame, image.ndim - 2),
    }
    return levels if single else image, attributes, "image"


def smoothed_layer(micrograph: Micrograph, diameter: float) -> LayerTuple:
    """A micrograph as people see particles in it: evenly lit, and without the noise finer than they are.

    Parameters
    ----------
    micrograph
        Its pixel size is known.
    diameter
        Of a particle in Angstrom.

    Raises
    ------
    UserError
        When the pixel size is not known, or so large a particle leaves nothing of the image.
    """
    scale = min(1.0, EYE_PIXELS / micrograph.frame.working_pixels(diameter))
    steps = PreprocessSettings(
        rescale=scale, illumination=EYE_ILLUMINATION * diameter, smoothing=EYE_SMOOTHING * diameter, stretch=False
    )
    seen = prepare(micrograph, steps)
    return image_layer(seen.image, seen.frame, name="smoothed", path=micrograph.path, role="smoothed")


def score_layer(score_map: ScoreMap) -> LayerTuple:
    """A picker's map over its micrograph, bright where it sees particles; only of a picker that has one."""
    frame, values = score_map.frame, score_map.values
    assert values is not None, "there is a map to show"
    low, high = (float(value) for value in np.percentile(values, (50, 99.9)))
    attributes = {
        "name": f"{micrograph_stem(frame.micrograph)} score map",
        "colormap": "inferno",
        "blending": "translucent",
        "opacity": 0.65,
        "interpolation2d": "linear",
        "contrast_limits": (max(low, 0.0), max(low, 0.0, high) + 1e-3),
        "metadata": _metadata(frame, "score map"),
        **placement(frame),
    }
    return values, attributes, "image"


def twin_layer(layer: Image, name: str) -> LayerTuple:
    """The same image once more, of the same arrays: for a place beside the first one."""
    data, attributes, kind = layer.as_layer_data_tuple()
    looks = ("contrast_limits", "colormap", "gamma", "interpolation2d", "multiscale")
    place = ("scale", "translate", "units", "axis_labels")
    kept = {key: attributes[key] for key in (*looks, *place)}
    return data, {**kept, "name": name, "metadata": {**layer.metadata, "role": "twin"}}, kind


def swap_image(layer: Image, made: LayerTuple) -> None:
    """Show another image in an existing layer, where it lies and with its own contrast; main thread only."""
    data, attributes, _ = made
    layer.data = data
    for name in ("scale", "translate", "units", "contrast_limits", "metadata", "name"):
        if not np.array_equal(getattr(layer, name), attributes[name]):
            setattr(layer, name, attributes[name])


# ---------------------------------------------------------------- contaminated regions


def regions_layer(mask: MaskArray, frame: Frame, name: str = "contaminated") -> LayerTuple:
    """A Labels layer to paint in: an ``(h, w)`` mask of coarse pixels that cover the micrograph of ``frame``."""
    from napari.utils.colormaps import DirectLabelColormap

    colours = {0: "transparent", None: REGION_COLOUR}
    attributes = {
        "name": name,
        "opacity": 0.35,
        "colormap": DirectLabelColormap(color_dict=colours),
        "metadata": _metadata(frame, "regions"),
        **_coarse_placement(mask, frame),
    }
    return mask.astype(np.uint8), attributes, "labels"


def swap_regions(layer: Labels, mask: MaskArray, frame: Frame) -> None:
    """Show the regions of another micrograph in an existing layer; main thread only."""
    layer.data = mask.astype(np.uint8)
    for name, value in _coarse_placement(mask, frame).items():
        if not np.array_equal(getattr(layer, name), value):
            setattr(layer, name, value)
    layer.metadata = _metadata(frame, "regions")


def _coarse_placement(mask: MaskArray, frame: Frame) -> dict[str, Any]:
    """Where coarse pixels lie that share the outer edges of the micrograph."""
    place = placement(frame.unbinned)
    shape = frame.shape or mask.shape
    factor = np.array(shape) / mask.shape
    step = place["scale"][-1]
    return {**place, "scale": tuple(factor * step), "translate": tuple((factor - 1) / 2 * step)}


def _metadata(frame: Frame, role: str, path: Path | None = None, **more: Any) -> dict[str, Any]:
    return {"frame": frame, "path": path and str(path), "pixel_size": frame.pixel_size, "role": role, **more}


# ---------------------------------------------------------------- picks


def points_layer(
    picks: Picks,
    *,
    name: str | None = None,
    path: Path | None = None,
    position: tuple[int, ...] = (),
    colour: str = PICK_COLOUR,
    part: float = 1.0,
) -> LayerTuple:
    """A Points layer of circles as large as the particles.

    Parameters
    ----------
    picks
        Of one micrograph (or of one frame of a stack).
    name
        Name of the layer; by default that of the micrograph.
    path
        File they came from.
    position
        Numbers of the frame, one for each leading axis of the image they lie on.
    colour
        Of the circles; picks labelled background are red in any case.
    part
        Of the particles' size that circles are drawn in, so that those of several layers lie in each other.
    """
    frame = picks.frame
    stand_in = STAND_IN_DIAMETER / frame.pixel_size if frame.pixel_size else STAND_IN_PIXELS
    attributes = {
        "name": name or f"{micrograph_stem(frame.micrograph)} picks",
        "symbol": "disc",
        "face_color": "transparent",
        "border_color": colours(picks, colour) if (picks.label == "background").any() else colour,
        "border_width": 0.06,
        "size": _one_or_all(part * sizes(picks, stand_in), part * stand_in),
        "features": features(picks),
        "feature_defaults": NEW_POINT,
        "metadata": _metadata(frame, "picks", path, position=position, colour=colour, stand_in=stand_in, part=part),
        **placement(frame, len(position)),
    }
    return coordinates(picks, position), attributes, "points"


def swap_points(layer: Points, picks: Picks) -> None:
    """Show other picks of the same micrograph in an existing layer; main thread only."""
    visible, layer.visible = layer.visible, True  # napari loses count of the points of a layer that is hidden
    layer.selected_data = set()
    layer.data = coordinates(picks, layer.metadata["position"])
    fill_table(layer, picks)
    if len(picks):
        layer.size = _drawn_sizes(layer, picks)
        layer.border_color = colours(picks, layer.metadata["colour"])
        layer.shown = True
    layer.visible = visible


def move_points(layer: Points, frame: Frame, position: tuple[int, ...] = ()) -> None:
    """Let an existing layer lie on another micrograph, whose frames have as many numbers; main thread only."""
    for name, value in placement(frame, len(position)).items():
        if not np.array_equal(getattr(layer, name), value):
            setattr(layer, name, value)
    stand_in = STAND_IN_DIAMETER / frame.pixel_size if frame.pixel_size else STAND_IN_PIXELS
    layer.metadata = {
        **layer.metadata,
        "frame": frame,
        "pixel_size": frame.pixel_size,
        "position": position,
        "stand_in": stand_in,
    }


def show_first(layer: Points, picks: Picks, n: int) -> None:
    """Show the first ``n`` picks in a layer that shows more or fewer of them, at once; main thread only.

    This is for sliders. The layer's table is left behind: `fill_table` brings it up to date when the slider rests.
    """
    few = replace(picks.frame, shape=None)
    shown = Picks(few, picks.yx[:n], diameter=picks.diameter[:n])
    with drawn_once(layer), layer.events.data.blocker(), layer.events.features.blocker():
        layer.selected_data = set()
        layer.data = coordinates(shown, layer.metadata["position"])
        if n:
            layer.size = _drawn_sizes(layer, shown)


def fill_table(layer: Points, picks: Picks) -> None:
    """Give a layer the table of the picks that it shows already; main thread only."""
    layer.features = features(picks)
    layer.feature_defaults = NEW_POINT  # the line above makes them the last pick's


@contextmanager
def drawn_once(layer: Points) -> Iterator[None]:
    """Several changes of a layer, drawn once: each would cost as much as all of them."""
    with ExitStack() as blocked:
        for name in _DRAWING:
            blocked.enter_context(layer.events[name].blocker())
        yield
    layer.refresh()


def kinds_layer(
    picks: Picks, kind: npt.NDArray[np.str_], looks: Mapping[str, tuple[str, str]], name: str, position: tuple[int, ...]
) -> LayerTuple:
    """A Points layer of places of several kinds.

    Parameters
    ----------
    picks
        ``n`` places.
    kind
        ``(n,)`` of which kind each is.
    looks
        Colour and symbol of each kind.
    name, position
        As for `points_layer`.
    """
    data, attributes, layer_type = points_layer(picks, name=name, position=position)
    attributes |= {"border_width": 0.1, "features": _kinds_table(picks, kind, looks), "feature_defaults": None}
    if len(picks):
        attributes |= {"border_color": [looks[k][0] for k in kind], "symbol": [looks[k][1] for k in kind]}
    return data, attributes, layer_type


def swap_kinds(layer: Points, picks: Picks, kind: npt.NDArray[np.str_], looks: Mapping[str, tuple[str, str]]) -> None:
    """Show other places of the same kinds in an existing layer; main thread only."""
    visible, layer.visible = layer.visible, True  # napari loses count of the points of a layer that is hidden
    with drawn_once(layer):
        layer.selected_data = set()
        layer.data = coordinates(picks, layer.metadata["position"])
        layer.features = _kinds_table(picks, kind, looks)
        if len(picks):
            layer.size = _drawn_sizes(layer, picks)
            layer.border_color = [looks[k][0] for k in kind]
            layer.border_width = 0.1
            layer.symbol = [looks[k][1] for k in kind]
    layer.visible = visible


def _kinds_table(picks: Picks, kind: npt.NDArray[np.str_], looks: Mapping[str, Any]) -> dict[str, Any]:
    import pandas as pd  # type: ignore[import-untyped]

    return {"score": picks.score, "kind": pd.Categorical(kind, categories=list(looks))}


def show_labels(layer: Points, picks: Picks) -> None:
    """Tell apart the picker's picks, particles and background that a person labelled: by colour, line and shape."""
    if len(picks) == 0:
        return
    background = picks.label == "background"
    labelled = picks.by_hand & ~background
    rgba = colours(picks, layer.metadata["colour"])
    rgba[labelled] = [int(LABELLED_COLOUR[i : i + 2], 16) / 255 for i in (1, 3, 5)] + [1.0]
    layer.border_color = rgba
    layer.border_width = np.where(picks.by_hand, 0.1, 0.06)
    layer.symbol = np.where(background, "square", "disc")


def mark_manual(layer: Points, rows: Sequence[int]) -> None:
    """Tell that a person made these points; napari copies the features of whatever is selected."""
    table = layer.features.copy()
    for column, value in NEW_POINT.items():
        table.iloc[list(rows), table.columns.get_loc(column)] = value
    layer.features = table
    layer.feature_defaults = NEW_POINT


def coordinates(picks: Picks, position: tuple[int, ...]) -> FloatArray:
    """``(n, leading + 2)``: the frame's numbers, then y and x in micrograph pixels."""
    return np.hstack([np.broadcast_to(np.asarray(position, float), (len(picks), len(position))), picks.yx])


def features(picks: Picks) -> dict[str, Any]:
    """The columns of the layer's table."""
    import pandas as pd

    return {
        "score": picks.score,
        "label": pd.Categorical(picks.label, categories=LABELS),
        "source": picks.source.astype(object),
        "pick_id": np.arange(len(picks)),
        "class": picks.class_number,
        "psi": picks.psi,
    }


def sizes(picks: Picks, stand_in: float) -> FloatArray:
    """Diameters in micrograph pixels, ``stand_in`` where a pick has none."""
    drawn: FloatArray = np.where(np.isfinite(picks.diameter), picks.diameter, stand_in)
    return drawn


def _drawn_sizes(layer: Points, picks: Picks) -> FloatArray:
    """Of circles in an existing layer."""
    part = float(layer.metadata.get("part", 1.0))
    return part * sizes(picks, layer.metadata["stand_in"])


def _one_or_all(size: FloatArray, stand_in: float) -> float | FloatArray:
    """One size where all are the same: napari then gives it to new points, too."""
    if len(size) == 0:
        return stand_in
    return float(size[0]) if (size == size[0]).all() else size


def colours(picks: Picks, colour: str) -> FloatArray:
    """``(n, 4)`` colours of the circles."""
    rgba = np.array(
        [[int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)] + [1.0] for code in (colour, BACKGROUND_COLOUR)]
    )
    chosen: FloatArray = rgba[(picks.label == "background").astype(int)]
    return chosen


def picks_of(layer: Points) -> Picks:
    """The picks that a Points layer shows."""
    data, attributes, _ = layer.as_layer_data_tuple()
    return picks_from_layer(data, attributes)


def picks_from_layer(data: npt.ArrayLike, attributes: Mapping[str, Any]) -> Picks:
    """The picks of a Points layer, from its data and attributes, of our own or any other making.

    Hidden points are no picks. The coordinates of a layer made elsewhere are taken as micrograph pixels.

    Raises
    ------
    UserError
        When the points lie on more than one frame of a stack.
    """
    points = np.asarray(data, dtype=np.float64)
    name = str(attributes.get("name", "points"))
    metadata = attributes.get("metadata") or {}
    shown = np.broadcast_to(np.asarray(attributes.get("shown", True), dtype=bool), len(points))
    points = points[shown]
    if points.shape[1] > 2 and len(np.unique(np.rint(points[:, :-2]), axis=0)) > 1:
        raise UserError(
            f"Layer {name!r} has points on more than one frame.", "Keep the points of one frame in one layer."
        )
    return Picks(
        _points_frame(attributes, metadata, name),
        points[:, -2:],
        diameter=_diameters(attributes, metadata, shown),
        **_columns(attributes.get("features"), shown),
    )


def _points_frame(attributes: Mapping[str, Any], metadata: Mapping[str, Any], name: str) -> Frame:
    frame = metadata.get("frame") or Frame(name)
    if "scale" not in attributes or "units" not in attributes:
        return frame
    return replace(frame, pixel_size=_pixel_size(attributes["scale"], attributes["units"], 1.0, name))


def _diameters(attributes: Mapping[str, Any], metadata: Mapping[str, Any], shown: npt.NDArray[np.bool_]) -> FloatArray:
    """Sizes in micrograph pixels; NaN where only the stand-in was drawn."""
    size = np.asarray(attributes.get("size", np.nan), dtype=np.float64)
    size = np.broadcast_to(size, len(shown))[shown] / metadata.get("part", 1.0)
    return np.where(np.isclose(size, metadata.get("stand_in") or np.nan, rtol=1e-9), np.nan, size)


def _columns(table: Any, shown: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Columns of `Picks` from a layer's table; what is missing stays at its default."""
    if table is None:
        return {}
    names = {"score": "score", "label": "label", "source": "source", "class": "class_number", "psi": "psi"}
    return {names[column]: np.asarray(table[column])[shown] for column in names if column in table}
