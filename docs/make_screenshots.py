"""Make the pictures of the README and the tutorial: ``python docs/make_screenshots.py [NAME...]``.

Each picture is made by a process of its own, in a window on a screen that nobody sees (Xvfb), with the built-in
sample and the default settings: what they show is what a new user gets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parent / "images"
WINDOW, WIDE = (1400, 900), (1500, 1080)
COLOURS = 160  # a palette keeps pictures of noise small
DIAMETER = 180.0
COMPARED = ("drpnet", "pixer", "centerpicker", "log")
PARTICLE = (0.6632, 0.1795)  # one that stands alone, in parts of the sample's height and width


def window() -> Any:
    """The sample picked, with the form that did it."""
    viewer = open_viewer()
    pick(viewer)
    look(viewer, zoom=1.9, centre=(0.35, 0.35))
    save_window(viewer, "window")


def ring() -> Any:
    """Before the run: the ring shows what the diameter means."""
    viewer = open_viewer()
    form = open_form(viewer, "Pick")
    form.diameter.value = DIAMETER
    look(viewer, zoom=3.0, centre=PARTICLE)
    form.show_ring.value = False
    form.show_ring.value = True  # at the centre of the view as it is now
    save_window(viewer, "ring")


def score_map() -> Any:
    """What the network sees."""
    viewer = open_viewer()
    form = pick(viewer)
    form.show_scores.value = True
    look(viewer, zoom=1.9, centre=(0.35, 0.35))
    save_window(viewer, "score-map")


def preprocess() -> Any:
    """The same place before and after."""
    viewer = open_viewer()
    form = open_form(viewer, "Preprocess")
    form.rescale.value = 0.25
    form.illumination.value = 2000
    form.smoothing.value = 8
    form.job.button.native.click()
    wait(lambda: not form.job.running)
    viewer.canvas.grid.enabled = True
    look(viewer, zoom=2.5, centre=(0.5, 0.35))
    save_window(viewer, "preprocess")


def compare() -> Any:
    """Pickers against the truth, what is right in one of them."""
    viewer = open_viewer("sample_with_truth", WIDE)
    form = run_pickers(viewer)
    form.view.value = "right, wrong and missed"
    look(viewer, zoom=1.6, centre=(0.4, 0.35))
    save_window(viewer, "compare")


def compare_grid() -> Any:
    """The same side by side."""
    viewer = open_viewer("sample_with_truth", WIDE)
    form = run_pickers(viewer)
    form.tabs.setCurrentIndex(1)
    form.view.value = "side by side"
    look(viewer, zoom=1.6, centre=(0.45, 0.4))
    save_window(viewer, "compare-grid")


def simulate() -> Any:
    """A micrograph that the form made, with its truth."""
    viewer = open_viewer(sample="")
    form = open_form(viewer, "Simulate")
    chosen = {
        "size": 2048,
        "pixel_size": 1.5,
        "defocus": (1.5, 2.5),
        "dose": (50, 60),
        "coverage": (0.2, 0.3),
        "seed": 2,
    }
    for name, value in chosen.items():
        form.settings[name].value = value
    form.job.button.native.click()
    wait(lambda: not form.job.running)
    look(viewer, zoom=2.2, centre=(0.5, 0.5))
    save_window(viewer, "simulate")


def averages() -> Any:
    """The sample picked, its class averages, and the picks of one class."""
    viewer = open_viewer(size=WIDE)
    pick(viewer)
    viewer.window.remove_dock_widget("all")
    form = open_form(viewer, "2D averages")
    form.classes.value = 9
    form.job.button.native.click()
    wait(lambda: not form.job.running)
    look(viewer, zoom=1.9, centre=(0.35, 0.35))
    form.classes_shown.choose(0)
    form.judge("accepted")
    form.classes_shown.choose(1)
    form.grid.chosen.emit()
    form.step(1)
    form.grid.redraw()
    settle()
    save_window(viewer, "averages")


def assess() -> Any:
    """Two made-up refinements side by side, and the local resolution of the first."""
    viewer = open_viewer(sample="")
    form = open_form(viewer, "Assess")
    with tempfile.TemporaryDirectory() as folder:
        made = [Path(folder) / name for name in ("picker", "templates")]
        write_refinement(made[0], noise=0.35, views=4000, on_side=0.0)
        write_refinement(made[1], noise=0.8, views=2500, on_side=0.7)
        form.refinements.add(made)
        wait(lambda: not form.busy)
        form.job.button.native.click()
        wait(lambda: not form.busy)
        form.results.view.value = "map, coloured by it"
        wait(lambda: not form.busy)
    form.results.tabs.setCurrentIndex(1)
    viewer.scene.camera.angles = (10, -30, 120)
    viewer.scene.camera.zoom *= 0.8
    save_window(viewer, "assess")


def write_refinement(folder: Path, noise: float, views: int, on_side: float) -> None:
    """Half maps of a made-up particle, clearer in the middle, and particles, of which a part lies on one side."""
    import mrcfile
    import numpy as np

    folder.mkdir()
    rng = np.random.default_rng(1)
    side, pixel = 64, 3.0
    axes = np.indices((side,) * 3) - side // 2
    particle = np.zeros((side,) * 3)
    for _ in range(120):
        centre = rng.normal(size=3) * 0.12 * side
        squares = sum((axis - at) ** 2 for axis, at in zip(axes, centre, strict=True))
        particle += np.exp(-squares / (2 * (1.0 + np.linalg.norm(centre) / 12) ** 2))
    for half in (1, 2):
        values = particle + noise * rng.standard_normal(particle.shape)
        with mrcfile.new(folder / f"run_half{half}_class001_unfil.mrc") as file:
            file.set_data(values.astype(np.float32))
            file.voxel_size = pixel
    tilt = np.rad2deg(np.arccos(rng.uniform(-1, 1, views)))
    flat = rng.uniform(size=views) < on_side
    tilt[flat] = np.abs(rng.normal(0, 12, flat.sum()))
    rows = "\n".join(f"{rot:.3f} {one:.3f} 0.0" for rot, one in zip(rng.uniform(-180, 180, views), tilt, strict=True))
    names = "_rlnAngleRot #1\n_rlnAngleTilt #2\n_rlnAnglePsi #3"
    (folder / "run_data.star").write_text(f"data_\n\nloop_\n{names}\n{rows}\n")


def open_viewer(sample: str = "sample", size: tuple[int, int] = WINDOW) -> Any:
    import napari

    viewer = napari.Viewer(show=True)
    viewer.window.resize(*size)
    if sample:
        viewer.open_sample("napari-drpnet", sample)
    settle()
    return viewer


def open_form(viewer: Any, name: str) -> Any:
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", name)
    settle()
    return form


def pick(viewer: Any) -> Any:
    form = open_form(viewer, "Pick")
    form.diameter.value = DIAMETER
    form.job.button.native.click()
    wait(lambda: not form.job.running)
    if form.result is None:
        raise SystemExit(form.job.status.value)
    return form


def run_pickers(viewer: Any) -> Any:
    """The Compare form with what the pickers found in the sample, its true centres, and the consensus."""
    form = open_form(viewer, "Compare")
    form.diameter.value = DIAMETER
    wait(lambda: not form.busy)
    form.pickers.tick(*COMPARED)
    form.job.button.native.click()
    wait(lambda: not form.busy)
    form.add_points(viewer.layers["true centres"])
    form.truth.value = "true centres"
    form.consensus.value = True
    wait(lambda: not form.busy)
    return form


def look(viewer: Any, zoom: float, centre: tuple[float, float]) -> None:
    """A part of the micrograph: ``zoom`` times larger than the whole, ``centre`` in parts of its height and width."""
    viewer.reset_view()
    viewer.scene.camera.zoom *= zoom
    low, high = viewer.layers[0].extent.world
    viewer.scene.camera.center = tuple(low + centre * (high - low))
    settle()


def save_window(viewer: Any, name: str) -> None:
    from PIL import Image

    settle()
    picture = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)[..., :3])
    path = IMAGES / f"{name}.png"
    small = picture.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    viewer.close()
    print(f"{path}: {path.stat().st_size // 1000} kB")


def settle(seconds: float = 0.5) -> None:
    """Let the window draw."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def wait(done: Callable[[], bool], limit: float = 300.0) -> None:
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + limit
    while not done():
        if time.monotonic() > end:
            raise SystemExit("The window did not get ready in time.")
        QApplication.processEvents()
        time.sleep(0.01)


PICTURES = {
    "window": window,
    "ring": ring,
    "score-map": score_map,
    "preprocess": preprocess,
    "simulate": simulate,
    "compare": compare,
    "compare-grid": compare_grid,
    "averages": averages,
    "assess": assess,
}


def main(names: list[str]) -> int:
    if "DRPNET_PICTURE" in os.environ:
        PICTURES[os.environ["DRPNET_PICTURE"]]()
        return 0
    if unknown := set(names) - set(PICTURES):
        raise SystemExit(f"There is no picture named {', '.join(unknown)}. Choose from {', '.join(PICTURES)}.")
    IMAGES.mkdir(exist_ok=True)
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24"] if shutil.which("xvfb-run") else []
    with tempfile.TemporaryDirectory() as folder:
        for name in names or PICTURES:
            settings = {"NAPARI_CONFIG": str(Path(folder) / "settings.yaml"), "DRPNET_PICTURE": name}
            subprocess.run([*screen, sys.executable, __file__], env={**os.environ, **settings}, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
