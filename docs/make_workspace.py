"""Pictures of the Workspace: ``python docs/make_workspace.py [--tabs FOLDER]``.

The film strip of the README: from a dropped folder to picks that RELION reads, in five actions, on simulated
micrographs and with the default settings. With ``--tabs``, every tab in both themes and in three sizes as well, to be
looked at before a release; these are not kept in the repository.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from make_screenshots import IMAGES, look, settle, wait
from make_tutorial import DIAMETER, micrographs

SIZE = (1280, 800)
SIZES = {"1280x800": ("1", SIZE), "1600x1000": ("1", (1600, 1000)), "3840x2160": ("2", (1920, 1080))}  # scale, window
WIDTH, ACROSS, GAP, QUALITY = 640, 3, 6, 72


def opened(size: tuple[int, int], theme: str = "dark") -> tuple[Any, Any]:
    """A window with the Workspace."""
    import napari

    viewer = napari.Viewer(show=True)
    viewer.theme = theme
    viewer.window.resize(*size)
    _, workspace = viewer.window.add_plugin_dock_widget("napari-drpnet", "Workspace")
    settle(1)
    return viewer, workspace


def picture(viewer: Any) -> Any:
    from PIL import Image

    settle()
    return Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)[..., :3])


def five_actions(folder: Path) -> Iterator[Any]:
    """A picture after each step; how long the program took for it is printed."""
    from napari_drpnet.widgets.workspace.offer import offer_project

    viewer, workspace = opened(SIZE)
    yield picture(viewer)
    dock = workspace.tab("Micrographs")
    form, session, job = dock.open_form, dock.session, dock.job
    timed("drop", lambda: offer_project(viewer, folder), lambda: bool(form.inputs.text))
    form.diameter.value = DIAMETER
    yield picture(viewer)
    timed("create", form.job.press, lambda: session.project is not None)
    settle(1)
    yield picture(viewer)
    started = time.monotonic()
    timed("pick: the first", job.button.native.click, lambda: len(session.points.data) > 0)
    look(viewer, zoom=1.8, centre=(0.4, 0.4))
    yield picture(viewer)
    wait(lambda: not job.running)
    print(f"pick all: {time.monotonic() - started:.1f} s for {len(session.names)} micrographs")
    session.next()
    settle(1)
    yield picture(viewer)
    export = workspace.show_tab("Export")
    timed("export", export.job.button.native.click, lambda: not export.job.running)
    yield picture(viewer)
    dock.session.close()
    viewer.close()


def timed(what: str, work: Callable[[], Any], ready: Callable[[], bool]) -> None:
    """Do something, and print how long it was until it was done."""
    start = time.monotonic()
    work()
    wait(ready)
    print(f"{what}: {time.monotonic() - start:.1f} s")


def film(folder: Path) -> None:
    """The pictures side by side."""
    from PIL import Image

    frames = list(five_actions(folder))
    height = WIDTH * SIZE[1] // SIZE[0]
    down = -(-len(frames) // ACROSS)
    size = (ACROSS * (WIDTH + GAP) - GAP, down * (height + GAP) - GAP)
    strip = Image.new("RGB", size, "white")
    for number, frame in enumerate(frames):
        row, column = divmod(number, ACROSS)
        small = frame.resize((WIDTH, height), Image.Resampling.LANCZOS)
        strip.paste(small, (column * (WIDTH + GAP), row * (height + GAP)))
    path = IMAGES / "five-actions.jpg"
    strip.save(path, quality=QUALITY, subsampling=0, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} kB")


def tabs(project: Path, out: Path, named: str) -> None:
    """Every tab, in both themes, in a window of one size."""
    for theme in ("dark", "light"):
        viewer, workspace = opened(SIZES[named][1], theme)
        form = workspace.tab("Micrographs").open_form
        picture(viewer).save(out / f"{named}-{theme}-first.png")
        form.open(project)
        session = workspace.tab("Micrographs").session
        wait(lambda session=session: session.project is not None)
        settle(2)
        for tab in workspace.tabs.buttons:
            workspace.show_tab(tab)
            settle(1)
            picture(viewer).save(out / f"{named}-{theme}-{tab}.png")
        session.close()
        viewer.close()
        settle(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tabs", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    if "DRPNET_WORKSPACE" in os.environ:
        folder, named, out = os.environ["DRPNET_WORKSPACE"].split(os.pathsep)
        if named:
            tabs(Path(folder) / "picking", Path(out), named)
        else:
            film(Path(folder))
        os._exit(0)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        micrographs(Path(temporary))
        folder = Path(temporary) / "micrographs"
        for file in folder.iterdir():
            if file.suffix != ".mrc":
                shutil.rmtree(file) if file.is_dir() else file.unlink()  # nobody has the truth
        by_itself(folder, "", "", "1")
        for named, (scale, _) in SIZES.items() if given.tabs else ():
            given.tabs.mkdir(parents=True, exist_ok=True)
            by_itself(folder, named, str(given.tabs.absolute()), scale)
    print(f"{time.monotonic() - start:.0f} s")
    return 0


def by_itself(folder: Path, named: str, out: str, scale: str) -> None:
    """One window in a process of its own."""
    screen = ["xvfb-run", "-a", "-s", "-screen 0 3840x2160x24"] if shutil.which("xvfb-run") else []
    own = {
        "DRPNET_WORKSPACE": os.pathsep.join((str(folder), named, out)),
        "NAPARI_CONFIG": str(folder.parent / "settings.yaml"),
        "QT_SCALE_FACTOR": scale,
        "XDG_CONFIG_HOME": str(folder.parent / "config"),
    }
    subprocess.run([*screen, sys.executable, __file__], env=os.environ | own, check=True)


if __name__ == "__main__":
    sys.exit(main())
