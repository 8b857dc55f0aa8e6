"""The figures of docs/assessing.md: python docs/make_assessment_figures.py. It needs RELION, and takes a minute."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from napari_drpnet.jobs import assess_alignments, measure_growth, write_growth, write_views
from napari_drpnet.settings import GrowthSettings, HalfMapSettings, ViewSettings
from napari_drpnet.steps import finish

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from refined import any_angles, images, star_31, write_stack

DOCS = Path(__file__).parent


def preferred(n: int) -> np.ndarray:
    """Angles of particles most of which lie on one side."""
    rng = np.random.default_rng(7)
    angles = any_angles(n)
    lying = rng.random(n) < 0.7
    angles[lying, :2] = np.array([50.0, 65.0]) + rng.normal(size=(int(lying.sum()), 2)) * (20, 14)
    return angles


def main() -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        particles = folder / "run_data.star"
        particles.write_text(star_31(preferred(20000)))
        picture, _ = write_views(assess_alignments(particles, ViewSettings()), folder)
        shutil.move(picture, DOCS / "images" / "views.png")
        fits = {}
        for name, noise in (("clear particles", 0.5), ("as many with twice the noise", 1.0)):
            angles = any_angles(3200)
            write_stack(images(angles, 48, 150, noise), folder / "stack.mrcs")
            particles.write_text(star_31(angles).replace(" 32 2 300", " 48 2 300"))
            job = measure_growth(particles, GrowthSettings(ctf=False, smallest=100), HalfMapSettings())
            fits[name] = finish(job)
        picture, _ = write_growth(fits, folder)
        shutil.move(picture, DOCS / "images" / "rosenthal_henderson.png")


if __name__ == "__main__":
    main()
