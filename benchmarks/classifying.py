"""Class averages of the picks of a test set: ours, and what RELION's 2D classification makes of the same picks."""

from __future__ import annotations

import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mrcfile
import numpy as np
from PIL import Image

from contenders import Ours
from measures import TestSet
from napari_drpnet import Micrograph, Picks, load_picker
from napari_drpnet.averaging.cutting import SHOWN
from napari_drpnet.data import ImageArray
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.picks.star import write_star
from napari_drpnet.io.star_table import read_tables
from napari_drpnet.jobs.averaging.average import average
from napari_drpnet.jobs.averaging.picked import PickedMicrograph
from napari_drpnet.jobs.averaging.result import Averages
from napari_drpnet.settings import AveragingSettings
from napari_drpnet.steps import drained

# RELION's pictures are reduced to so many pixels a diameter.
_RELION_ACROSS = 40
_MASK = 1.1  # diameters
_GREYS = 40


@dataclass(frozen=True)
class Cost:
    """Of a piece of work: wall and CPU seconds, MB that it needed at most, and the machine's load when it began.

    ``own`` is memory without pages of files, which the system takes back when others need it.
    """

    wall: float
    cpu: float
    memory: float = float("nan")
    own: float = float("nan")
    load: float = float("nan")


class Meter:
    """Measures what is done within `measured`."""

    def __init__(self) -> None:
        self.cost = Cost(float("nan"), float("nan"))

    @contextmanager
    def measured(self) -> Generator[None, None, None]:
        Path("/proc/self/clear_refs").write_text("5")  # the most memory so far is forgotten
        load = float(Path("/proc/loadavg").read_text().split()[0])
        memory, own = _memory("VmRSS"), _memory("RssAnon")
        most, done = [own], threading.Event()
        watcher = threading.Thread(target=_watch, args=(most, done))
        watcher.start()
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            done.set()
            watcher.join()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.cost = Cost(wall, cpu, _memory("VmHWM") - memory, most[0] - own, load)


def _watch(most: list[float], done: threading.Event) -> None:
    """Keep the most memory without pages of files; the system keeps only that with them."""
    while not done.wait(0.02):
        most[0] = max(most[0], _memory("RssAnon"))


def _memory(kind: str) -> float:
    """MB that this process holds, or held at most."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{kind}:")[1].split()[0]) * 1024 / 1e6


def held(micrograph: Micrograph, picks: Picks) -> tuple[Micrograph, Picks]:
    """What a `PickedMicrograph` loads when it is in memory already."""
    return micrograph, picks


@dataclass(frozen=True)
class PickedSet:
    """The picks of a test set."""

    name: str
    micrographs: list[Micrograph]
    picks: list[Picks]
    diameter: float

    @property
    def count(self) -> int:
        return sum(map(len, self.picks))

    def surest(self, count: int) -> PickedSet:
        """So many picks, those of the highest score."""
        scores = np.sort(np.concatenate([picks.score for picks in self.picks]))[::-1]
        least = scores[min(count, len(scores)) - 1]
        return PickedSet(
            self.name, self.micrographs, [picks.select(picks.score >= least) for picks in self.picks], self.diameter
        )

    def fields(self, repeat: int = 1) -> list[PickedMicrograph]:
        """For the job that averages."""
        pairs = list(zip(self.micrographs, self.picks, strict=True))
        return [
            PickedMicrograph(f"{again}-{micrograph.frame.micrograph}", partial(held, micrograph, picks))
            for again in range(repeat)
            for micrograph, picks in pairs
        ]

    def averages(self, classes: int) -> Averages:
        return drained(average(self.fields(), AveragingSettings(diameter=self.diameter, classes=classes)))


def picked(test: TestSet, picker: Ours, threshold: float) -> PickedSet:
    """Each picked at its own diameter; averaged at their median."""
    picks = []
    for sample in test.samples:
        loaded = load_picker(picker.picker, diameter=sample.diameter, device="cpu", **picker.options)
        picks.append(loaded.picks_from(loaded.score(sample.micrograph), threshold=threshold))
    diameter = float(np.median([sample.diameter for sample in test.samples]))
    return PickedSet(test.name, [sample.micrograph for sample in test.samples], picks, diameter)


def few_greys(picture: Image.Image) -> Image.Image:
    """In few levels of grey, so that pictures of noise are small files."""
    last = _GREYS - 1
    return picture.convert("L").point([round(level * last / 255) * 255 // last for level in range(256)])


@dataclass(frozen=True, eq=False)
class RelionClasses:
    """RELION's averages, the largest class first: pictures with dark particles, and picks of each."""

    images: ImageArray
    picks: list[int]
    across: float  # pixels to a diameter
    extracting: Cost
    classifying: Cost


def relion_classes(found: PickedSet, classes: int, rounds: int, threads: int) -> RelionClasses:
    """The same picks through RELION's extraction and 2D classification, without CTF."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pixels = found.micrographs[0].frame.micrograph_pixels(found.diameter)
        box = 2 * round(SHOWN * pixels / 2)
        scaled = 2 * round(SHOWN * _RELION_ACROSS / 2) if pixels > _RELION_ACROSS else box
        _write(found, folder)
        (folder / "classes").mkdir()
        extracting = _run(
            folder,
            "relion_preprocess --i micrographs.star --coord_dir ./ --coord_suffix _picks.star --part_dir cut/ "
            f"--part_star particles.star --extract --extract_size {box} --scale {scaled} --norm --invert_contrast "
            f"--bg_radius {round(0.5 * _MASK * scaled / SHOWN)}",
        )
        classifying = _run(
            folder,
            f"relion_refine --i particles.star --o classes/run --K {classes} --iter {rounds} --tau2_fudge 2 "
            f"--particle_diameter {_MASK * found.diameter:.0f} --psi_step 12 --offset_range 5 --offset_step 2 "
            "--oversampling 1 --flatten_solvent --zero_mask --norm --scale --pad 2 --pool 30 --dont_check_norm "
            f"--dont_combine_weights_via_disc --random_seed 1 --j {threads}",
        )
        last = folder / "classes" / f"run_it{rounds:03d}"
        images = mrcfile.read(f"{last}_classes.mrcs")
        tables = read_tables(Path(f"{last}_data.star"))
        number = next(
            np.array(table.texts("rlnClassNumber")).astype(np.int64) for table in tables if "rlnClassNumber" in table
        )
    picks = np.bincount(number - 1, minlength=len(images))
    order = [c for c in np.argsort(-picks, kind="stable").tolist() if picks[c]]
    return RelionClasses(-images[order], picks[order].tolist(), pixels * scaled / box, extracting, classifying)


def _write(found: PickedSet, folder: Path) -> None:
    names = []
    for number, (micrograph, picks) in enumerate(zip(found.micrographs, found.picks, strict=True)):
        names.append(f"m{number}.mrc")
        write_mrc(micrograph.image, folder / names[-1], micrograph.frame.known_pixel_size())
        write_star(picks, folder / f"m{number}_picks.star")
    size = found.micrographs[0].frame.known_pixel_size()
    optics = (
        "# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n"
        "_rlnMicrographOriginalPixelSize #3\n_rlnVoltage #4\n_rlnSphericalAberration #5\n_rlnAmplitudeContrast #6\n"
        f"_rlnMicrographPixelSize #7\none 1 {size:g} 300 2.7 0.1 {size:g}\n\n"
    )
    rows = "".join(f"{name} 1\n" for name in names)
    listed = f"# version 30001\n\ndata_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n{rows}\n"
    (folder / "micrographs.star").write_text(optics + listed)


def _run(folder: Path, command: str) -> Cost:
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command.split()[0]}: {done.stderr[-2000:] or done.stdout[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - begin, cpu)
