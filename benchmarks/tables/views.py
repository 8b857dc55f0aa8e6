"""DeepCryoPicker's classes against the truth: views of simulated chaperonins, by the class of the picks on them.

GroEL (1mnf), whose top view is a ring and whose side view is nearly a square, clear and at high defocus. A view is from
the top when its axis is less than 30 degrees off the beam, from the side when it is more than 60. "found": part of
the particles that were picked; then the parts of their picks in each class. The last row: picks on no particle.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np
import starfile

from napari_drpnet import load_picker, read_micrograph, read_picks
from napari_drpnet.steps import drained
from tables.rows import Row, Task

_FOLDER = Path("runs/chaperonins")
_SIMULATED = (
    "--count 4 --size 1280 --diameter-px 40 40 --coverage 0.1 0.2 --visibility 25 60 --defocus 2.5 3.5 "
    "--contamination 0 --empty 0 --carbon 0 --preferred-views 0 0 --seed 1"
)
_VIEWS = {"top": (0, 30), "askew": (30, 60), "side": (60, 91)}
_CLASSES = {1: "round", 2: "square", 3: "irregular"}


def rows(data: Path) -> Iterator[Task]:
    """Views of simulated chaperonins by the class of the picks on them."""
    structure = data.parent / "structures" / "models" / "1mnf.pdb.gz"
    for view in (*_VIEWS, "no particle"):
        yield view, partial(_row, view, structure)


def _row(view: str, structure: Path) -> Row:
    classes, angles, missed = _found(structure)
    low, high = _VIEWS.get(view, (np.inf, np.inf))
    here = np.isnan(angles) if view == "no particle" else (angles >= low) & (angles < high)
    row: Row = {"view": view, "picks": str(here.sum())}
    if view in _VIEWS:
        of_these = int(((missed >= low) & (missed < high)).sum())
        row |= {"particles": str(here.sum() + of_these), "found": float(here.sum() / (here.sum() + of_these))}
    return row | {name: float((classes[here] == number).mean()) for number, name in _CLASSES.items()}


@cache
def _found(structure: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class of each pick, how far off the axis the particle there is (NaN: none), and the same of missed particles."""
    if not _FOLDER.exists():
        command = [
            sys.executable,
            "-m",
            "napari_drpnet",
            "simulate",
            "--structure",
            str(structure),
            "--out",
            str(_FOLDER),
        ]
        subprocess.run([*command, *_SIMULATED.split()], check=True)
    files = sorted(_FOLDER.glob("*.mrc"))
    truth = [read_picks(file.with_suffix(".star"))[0] for file in files]
    micrographs = [read_micrograph(file) for file in files]
    diameter = float(truth[0].diameter[0]) * micrographs[0].frame.known_pixel_size()
    kept = Path("runs/chaperonins.safetensors")
    known = {"weights": str(kept)} if kept.exists() else {}
    picker = load_picker("deepcryopicker", diameter=diameter, threshold=0.5, device="cpu", **known)
    if not picker.ready:
        drained(picker.learn_steps([partial(read_micrograph, file) for file in files]))
        picker.save(kept)
    parts = [], [], []
    for micrograph, true, file in zip(micrographs, truth, files, strict=True):
        tilt = starfile.read(file.with_suffix(".star"))["rlnAngleTilt"].to_numpy()
        angle, picks = np.minimum(tilt, 180 - tilt), picker.pick(micrograph)
        apart = np.linalg.norm(picks.yx[:, None] - true.yx[None], axis=-1)
        on_one = apart.min(axis=1) < true.diameter[0] / 4
        parts[0].append(picks.class_number)
        parts[1].append(np.where(on_one, angle[apart.argmin(axis=1)], np.nan))
        parts[2].append(angle[apart.min(axis=0) >= true.diameter[0] / 4])
    return np.concatenate(parts[0]), np.concatenate(parts[1]), np.concatenate(parts[2])
