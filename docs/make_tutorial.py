"""Make the pictures of the tutorial: ``python docs/make_tutorial.py``.

The tutorial is done once, from the first click to the last, on simulated micrographs of a protein that the shipped
networks do not know. Each picture is made by a process of its own, which goes on where the one before stopped: the
project is all that lies between them. What a person would say of the picks is taken from the simulation's truth.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from make_screenshots import IMAGES, look, open_form, open_viewer, settle, wait

VOXEL, PIXEL_SIZE, SIZE, COUNT = 4.0, 2.0, 1536, 5
DIAMETER = 150.0
QUALITY = 62  # of the pictures, so that none is larger than 300 kB
DONE, PARTLY = 0, 1  # number of the micrograph on which everything is labelled, and of that with some labels


def micrographs(folder: Path) -> None:
    """A protein of two domains on a thin stalk, faint in its ice."""
    import mrcfile

    from napari_drpnet import jobs
    from napari_drpnet.settings import SimulationSettings

    z, y, x = np.mgrid[-20:20, -20:20, -20:20] + 0.5
    ball = [np.sqrt(x**2 + y**2 + (z - centre) ** 2) < 7 for centre in (-10, 10)]
    with mrcfile.new(folder / "protein.mrc") as file:
        file.set_data((ball[0] | ball[1]).astype(np.float32))
        file.voxel_size = VOXEL
    none = dict.fromkeys(("contamination", "empty", "defects", "aggregates", "processed", "carbon"), 0)
    settings = SimulationSettings(
        structures=(folder / "protein.mrc",),
        count=COUNT,
        size=SIZE,
        pixel_size=PIXEL_SIZE,
        seed=1,
        views=40,
        coverage=(0.25, 0.35),
        visibility=(9, 11),
        broken=(0, 0),
        **none,
    )
    jobs.finish(jobs.simulate(settings, folder / "micrographs"))


def opened() -> tuple[Any, Any]:
    """A window with the project where it was left."""
    from napari_drpnet import jobs
    from napari_drpnet.widgets.session.session import Session

    viewer = open_viewer(sample="")
    session = Session.of(viewer)
    folder = Path(os.environ["DRPNET_TUTORIAL"])
    inputs = () if jobs.is_project(folder / "project") else (str(folder / "micrographs" / "*.mrc"),)
    session.open(jobs.open_project(folder / "project", inputs, diameter=DIAMETER))
    return viewer, session


def run(job: Any) -> None:
    job.button.native.click()
    wait(lambda: not job.running, 1800)
    settle()


def finish(viewer: Any, session: Any, name: str) -> None:
    """Save what is to be seen; as JPEG, since most of it is noise."""
    from PIL import Image

    session.flush()
    settle()
    path = IMAGES / f"tutorial-{name}.jpg"
    picture = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)[..., :3])
    picture.save(path, quality=QUALITY, subsampling=0, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} kB")
    session.leave()
    viewer.close()


def truth(session: Any, number: int) -> np.ndarray:
    from napari_drpnet.io import read_picks

    return read_picks(session.project.micrographs[number].path.with_suffix(".star"))[0].yx


def project() -> None:
    """The project, picked with the network as it comes."""
    viewer, session = opened()
    form = open_form(viewer, "Micrographs")
    run(form.job)
    session.go(session.names[DONE])
    settle(1)
    finish(viewer, session, "project")


def correct() -> None:
    """A micrograph finished, another one in work."""
    viewer, session = opened()
    open_form(viewer, "Micrographs")
    label(session, DONE, len(truth(session, DONE)))
    session.mark_done(session.names[DONE])
    label(session, PARTLY, 25)
    session.go(session.names[PARTLY])
    look(viewer, zoom=1.7, centre=(0.4, 0.4))
    settle(1)
    finish(viewer, session, "correct")


def label(session: Any, number: int, count: int) -> None:
    """Say of so many particles that they are, and of all picks near no particle that they are not."""
    from napari_drpnet.labels import added, labelled, near

    name, true = session.names[number], truth(session, number)
    session.go(name)
    picks = session.picks(name)
    reach = 0.5 * DIAMETER / PIXEL_SIZE
    said = true[:count]
    picks = labelled(picks, ~near(picks.yx, true, reach), "background")
    picks = picks.select(~near(picks.yx, said, reach) | (picks.label == "background"))
    session.change(name, added(picks, said))


def gallery() -> None:
    """The particles of all micrographs, the least certain first."""
    viewer, session = opened()
    form = open_form(viewer, "Gallery")
    form.scope.value = form.scope.choices[1]
    wait(lambda: not form.job.running)
    form.order.value = "uncertainty"
    settle(3)
    finish(viewer, session, "gallery")


def harvest() -> None:
    """What the network will learn from."""
    viewer, session = opened()
    form = open_form(viewer, "Harvest")
    run(form.job)
    finish(viewer, session, "harvest")


def retrain() -> None:
    """Trained, judged and put to use."""
    viewer, session = opened()
    form = open_form(viewer, "Retrain").training
    form.patches.value = "patches"
    form.what.value = "classifier"
    run(form.job)
    if form.report is None or form.report.weights is None:
        raise SystemExit("Nothing better was found.")
    form.use_button.click()
    finish(viewer, session, "retrain")


def before_after() -> None:
    """Which picks came and which went."""
    viewer, session = opened()
    dock = open_form(viewer, "Retrain")
    form = dock.comparison
    dock.tabs.setCurrentWidget(form)
    chosen = {field: session.project.settings.options.get(field) for field in form.new}
    form.offer(dict.fromkeys(chosen), chosen)
    form.which.value = form.which.choices[2]
    run(form.job)
    session.go(session.names[4])
    look(viewer, zoom=1.7, centre=(0.4, 0.4))
    finish(viewer, session, "before-after")


def suggest() -> None:
    """The place where a label teaches most, and what labels have brought."""
    viewer, session = opened()
    dock = open_form(viewer, "Retrain")
    form = dock.suggestions
    dock.tabs.setCurrentWidget(form)
    run(form.measure)
    run(form.job)
    for verdict in ("particle", "background", "particle"):
        form.judge(verdict)
    form.go(form.at)
    viewer.scene.camera.zoom *= 2.5
    finish(viewer, session, "suggest")


PICTURES = (project, correct, gallery, harvest, retrain, before_after, suggest)


def main() -> int:
    if "DRPNET_PICTURE" in os.environ:
        next(picture for picture in PICTURES if picture.__name__ == os.environ["DRPNET_PICTURE"])()
        return 0
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24"] if shutil.which("xvfb-run") else []
    with tempfile.TemporaryDirectory() as folder:
        micrographs(Path(folder))
        settings = {"NAPARI_CONFIG": str(Path(folder) / "settings.yaml"), "DRPNET_TUTORIAL": folder}
        for picture in PICTURES:
            environment = {**os.environ, **settings, "DRPNET_PICTURE": picture.__name__}
            subprocess.run([*screen, sys.executable, __file__], env=environment, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
