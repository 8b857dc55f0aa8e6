"""The only room that touches files: images, picks, and RELION's STAR files."""

from napari_drpnet.io.files import atomic_write, micrograph_stem
from napari_drpnet.io.images import IMAGE_SUFFIXES, is_image, open_image, read_micrograph
from napari_drpnet.io.picks.formats import PICK_SUFFIXES, is_picks, read_picks, write_picks
from napari_drpnet.io.project.project import Project

__all__ = [
    "IMAGE_SUFFIXES",
    "PICK_SUFFIXES",
    "Project",
    "atomic_write",
    "is_image",
    "is_picks",
    "micrograph_stem",
    "open_image",
    "read_micrograph",
    "read_picks",
    "write_picks",
]
