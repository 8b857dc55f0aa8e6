"""Micrographs, score maps and picks as napari layers, and back: the only place that builds layer tuples.

Every layer lies in one world: Angstrom, with the centre of the first micrograph pixel at 0; where the
pixel size is not known the world is in micrograph pixels. A layer tells its place by ``scale``,
``translate`` and ``units``, which is where it is read back from, so that a pixel size set later holds.
Images may have leading axes (frames); a Points layer then carries the frame's number in front. Layers of other making
lie anywhere: they are read by where they are seen on an image.
"""

from napari_drpnet.layers.colouring import (
    BACKGROUND_COLOUR,
    COLOUR_BY,
    LABELLED_COLOUR,
    PICK_COLOUR,
    TRUTH_COLOUR,
    colour_by,
    legend,
)
from napari_drpnet.layers.eye import EyeImage, Filter
from napari_drpnet.layers.ground import Ground, Sight, ground_of, present_sight, sight_of
from napari_drpnet.layers.images import (
    contrast_limits,
    image_layer,
    pyramid,
    score_layer,
    swap_image,
    twin_layer,
)
from napari_drpnet.layers.kinds import kinds_layer, swap_kinds
from napari_drpnet.layers.laying import adopt, laid_on, lay_on
from napari_drpnet.layers.pixel_size import set_pixel_size
from napari_drpnet.layers.placement import LayerTuple, assign, called, frame_of, named_frame, pixels, placement
from napari_drpnet.layers.points import (
    STAND_IN_DIAMETER,
    STAND_IN_PIXELS,
    drawn_once,
    fill_table,
    mark_manual,
    move_points,
    new_point,
    points_layer,
    show_boxes,
    show_first,
    show_labels,
    sizes,
    stand_in,
    swap_points,
)
from napari_drpnet.layers.reading import Placed, picks_from_layer, picks_of, place
from napari_drpnet.layers.regions import REGION_COLOUR, regions_layer, swap_regions
from napari_drpnet.layers.stacks import FramePicks, by_frame, frame_in_stack
from napari_drpnet.layers.viewing import add, show_scale_bar, there
from napari_drpnet.layers.volumes import (
    resolution_colours,
    resolution_layer,
    resolution_limits,
    surface_layer,
    volume_layer,
)

__all__ = [
    "BACKGROUND_COLOUR",
    "COLOUR_BY",
    "LABELLED_COLOUR",
    "PICK_COLOUR",
    "REGION_COLOUR",
    "STAND_IN_DIAMETER",
    "STAND_IN_PIXELS",
    "TRUTH_COLOUR",
    "EyeImage",
    "Filter",
    "FramePicks",
    "Ground",
    "LayerTuple",
    "Placed",
    "Sight",
    "add",
    "adopt",
    "assign",
    "by_frame",
    "called",
    "colour_by",
    "contrast_limits",
    "drawn_once",
    "fill_table",
    "frame_in_stack",
    "frame_of",
    "ground_of",
    "image_layer",
    "kinds_layer",
    "laid_on",
    "lay_on",
    "legend",
    "mark_manual",
    "move_points",
    "named_frame",
    "new_point",
    "picks_from_layer",
    "picks_of",
    "pixels",
    "place",
    "placement",
    "points_layer",
    "present_sight",
    "pyramid",
    "regions_layer",
    "resolution_colours",
    "resolution_layer",
    "resolution_limits",
    "score_layer",
    "set_pixel_size",
    "show_boxes",
    "show_first",
    "show_labels",
    "show_scale_bar",
    "sight_of",
    "sizes",
    "stand_in",
    "surface_layer",
    "swap_image",
    "swap_kinds",
    "swap_points",
    "swap_regions",
    "there",
    "twin_layer",
    "volume_layer",
]
