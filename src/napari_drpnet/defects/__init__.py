"""Pixels that tell nothing of the specimen: found, replaced by what is around them, and marked as bad.

A detector has dead and hot pixels, columns and rows, and programs leave frames of one grey level. One such column at
300 standard deviations spoils everything that is computed of an image as a whole. An ordinary micrograph has none, and
comes back as it is.
"""

from napari_drpnet.defects.fill import filled
from napari_drpnet.defects.repair import repaired

__all__ = ["filled", "repaired"]
