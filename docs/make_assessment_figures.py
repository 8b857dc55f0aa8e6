"""The figures of docs/assessing.md: python docs/make_assessment_figures.py. It needs RELION, and takes a minute.

With a structure (PDB, mmCIF or MRC) behind it: pickers side by side on simulated micrographs of it, in ten minutes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from napari_drpnet.jobs import assess_alignments, measure_growth, write_growth, write_views
from napari_drpnet.jobs.simulation import MICROGRAPHS_STAR
from napari_drpnet.settings import GrowthSettings, HalfMapSettings, ViewSettings
from napari_drpnet.steps import finish

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from reconstruct import simulated
from refined import any_angles, images, star_31, write_stack

DOCS = Path(__file__).parent


def preferred(n: int) -> np.ndarray:
    """Angles of particles most of which lie on one side."""
    rng = np.random.default_rng(7)
    angles = any_angles(n)
    lying = rng.random(n) < 0.7
    angles[lying, :2] = np.array([50.0, 65.0]) + rng.normal(size=(int(lying.sum()), 2)) * (20, 14)
    return angles


def side_by_side(structure: Path, folder: Path) -> None:
    """Picks of two pickers, a map of each, and all of it on one page."""
    truth, reference, diameter = simulated(structure, 6, 5.0, folder)
    labels = folder / "labels"
    labels.mkdir()
    for path in truth:
        shutil.copy(path.with_suffix(".star"), labels)
    listed, size = folder / MICROGRAPHS_STAR, ["--diameter", f"{diameter:.0f}"]
    sources, picks = [], []
    for name in ("drpnet", "log"):
        call("pick", listed, "--picker", name, *size, "--out", folder / name)
        call("reconstruct", folder / name, listed, "--reference", reference, *size, "--out", folder / f"{name}-map")
        sources.append(f"{name}={folder / name}-map")
        picks += ["--picks", f"{name}={folder / name}"]
    growth = ["--rh", "--phase-flipped", "--smallest", 80]
    given = ["--micrographs", listed, "--truth", labels, *size, *growth]
    call("assess", *sources, *picks, *given, "--out", folder / "page")
    with Image.open(folder / "page" / "assessment.png") as picture:
        small = picture.resize((picture.width * 2 // 3, picture.height * 2 // 3), Image.Resampling.LANCZOS)
        small.quantize(128).save(DOCS / "images" / "side-by-side.png", optimize=True)


def call(*arguments: object) -> None:
    """The command line, as a program of its own."""
    subprocess.run([sys.executable, "-m", "napari_drpnet.cli", *map(str, arguments)], check=True)


def main() -> None:
    if len(sys.argv) > 1:
        with TemporaryDirectory() as place:
            side_by_side(Path(sys.argv[1]), Path(place))
        return
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
