"""The built-in sample: one micrograph as it comes from the microscope, with all that a picker must cope with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.lens import Lens
from napari_drpnet.simulation import camera, layout, specimen
from napari_drpnet.simulation.contamination import crystal
from napari_drpnet.simulation.exposure import Exposure, expose
from napari_drpnet.simulation.filters import filter_radially
from napari_drpnet.simulation.micrograph import found, lie_on
from napari_drpnet.simulation.scene import Scene, draw_poses
from napari_drpnet.simulation.structures import procedural_structure
from napari_drpnet.simulation.views import BROKEN, make_views

PIXEL_SIZE = 1.2
DIAMETER = 180.0
"""Longest extent of the sample's particle, in Angstrom."""

_PARTICLE = 10  # the number of a procedural structure of about that size
_EXPOSURE = Exposure(
    Lens(defocus=20000.0, astigmatism=200.0, astigmatism_angle=0.6, amplitude_contrast=0.1, b_factor=120.0),
    dose=40.0,
    thickness=400.0,
    texture=2.0,
    waviness=4.0,
    shading=0.05,
)
_CRYSTALS = (3.5, 2.2, 2.0, 1.5, 1.2, 1.0, 0.8, 0.7, 0.6, 0.5, 0.5)  # in particle diameters


def sample_micrograph(seed: int = 0, size: int = 4096) -> tuple[Micrograph, Picks]:
    """A simulated micrograph at 1.2 A per pixel, with a made-up protein of 180 A, and its true picks.

    The edge of the carbon film crosses one corner and ice crystals lie about. Where they are there are no particles;
    broken particles are not among the picks.

    Parameters
    ----------
    seed
        The same seed gives the same bytes.
    size
        Edge in pixels.

    Returns
    -------
    Micrograph, Picks
        Particles are dark.

    Raises
    ------
    UserError
        When no particle finds a place on it.
    """
    rng = np.random.default_rng([seed, 17])
    diameter = DIAMETER / PIXEL_SIZE
    scene = Scene(size, PIXEL_SIZE)
    corner = 1.25 * np.pi  # top left
    scene.cover(*specimen.film_edge(rng, scene.shape, PIXEL_SIZE, gold=False, reach=0.28, angle=corner))
    for width in _CRYSTALS:
        image = crystal(rng, width * diameter * rng.uniform(0.8, 1.2), PIXEL_SIZE)
        scene.add_object(image, rng.uniform(0.1, 0.95, 2) * scene.full)
    centres = layout.scatter(rng, scene.visible, diameter, coverage=0.32, clumping=0.3)
    whole = rng.random(len(centres)) > 0.05
    if not lie_on(centres[whole] - scene.margin, (size, size)).any():
        raise UserError(
            f"A sample of {size} pixels has no room for a particle.", "Make it larger, such as 1024 pixels."
        )
    views = replace(make_views(procedural_structure(_PARTICLE, DIAMETER), 120, seed, across=100), diameter=DIAMETER)
    poses = draw_poses(rng, centres[whole], np.full(120, 1 / 120))
    scene.add_particles(views.whole, views.voxel, poses, contrast=1.0)
    if not whole.all():
        pieces = draw_poses(rng, centres[~whole], np.full(BROKEN, 1 / BROKEN))
        scene.add_particles(views.broken, views.voxel, pieces, contrast=1.0)
    intensity, _ = expose(rng, scene, _EXPOSURE)
    counts = camera.count_electrons(rng, intensity, _EXPOSURE.dose, PIXEL_SIZE)
    image = filter_radially(counts, camera.detector_response(0.6))
    micrograph = Micrograph.from_array(image, PIXEL_SIZE, "sample")
    return micrograph, found(micrograph, scene, views, poses, _EXPOSURE).truth
