"""Particles of any clarity, and pictures that somebody changed: ``python benchmarks/clear.py --shared ../shared``.

One table, a row for each kind of micrograph and picker; ``--detector`` puts other detectors beside the shipped one. The
micrographs show test proteins (``training/proteins-testing.txt``) and nothing else, at one visibility each (a
particle's signal-to-noise ratio at low resolution). They are simulated once, to ``--simulated``. Changed ones are those
of the visibility ``--changed-at``:

- phase plate, negative stain: the same specimen seen so; stained particles are bright, and ``invert`` is set.
- high-passed: less its blur by a Gaussian whose sigma is the diameter d.
- flattened: less its local mean, divided by its local deviation, within a Gaussian of 0.5 d.
- denoised: blurred by a Gaussian of 0.15 d.
- 16 grey levels, JPEG: between its 0.5th and 99.5th percentile; JPEG of quality 30.
- binned: until a particle has 12 px.

R, P, F1: recall, precision and F1 at the threshold 0.5. "auto": at the default threshold of one image without evidence.
Best F1 and AP do not depend on a threshold. The rules are those of ``benchmarks/quality.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from contenders import Ours, of_file, ready
from measures import Sample, TestSet, at_threshold, judge, measure
from napari_drpnet import Micrograph, Picks
from napari_drpnet.data import ImageArray
from napari_drpnet.pickers.protocol.choosing import suited
from napari_drpnet.rescaling import rescale
from quality import DEFAULT_THRESHOLD, Row, markdown
from simulated import kept_for_testing, simulated

VISIBILITIES = (2, 5, 10, 25, 50, 100, 200, 500, 1000)
COLUMNS = {"micrographs": "", "picker": "", "n": "d", "particles": "d"} | dict.fromkeys(
    ("R", "P", "F1", "R auto", "P auto", "F1 auto", "best F1", "AP"), ".3f"
)
BINNED = 12  # pixels a particle

# An image, and the diameter of its particles in pixels.
Change = Callable[[ImageArray, float], ImageArray]


@dataclass(frozen=True)
class Kind:
    """What micrographs of a row are: settings of the simulation, a change afterwards, options of the picker."""

    name: str
    settings: dict[str, Any]
    change: Callable[[Sample], Sample] = lambda sample: sample
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return "-".join(f"{key}-{_text(value)}" for key, value in self.settings.items())


def _text(value: Any) -> str:
    return f"{value[0] if isinstance(value, tuple) else value:g}"


def high_passed(image: ImageArray, diameter: float) -> ImageArray:
    return np.asarray(image - ndimage.gaussian_filter(image, diameter))


def flattened(image: ImageArray, diameter: float) -> ImageArray:
    """Local mean and contrast made the same everywhere."""
    rest = image - ndimage.gaussian_filter(image, diameter / 2)
    return np.asarray(rest / np.sqrt(ndimage.gaussian_filter(rest**2, diameter / 2)))


def denoised(image: ImageArray, diameter: float) -> ImageArray:
    return np.asarray(ndimage.gaussian_filter(image, 0.15 * diameter))


def few_greys(image: ImageArray, diameter: float) -> ImageArray:
    return np.rint(15 * _stretched(image))


def jpeg(image: ImageArray, diameter: float) -> ImageArray:
    file = BytesIO()
    Image.fromarray(np.uint8(np.rint(255 * _stretched(image)))).save(file, "JPEG", quality=30)
    return np.asarray(Image.open(file), np.float32)


def _stretched(image: ImageArray) -> ImageArray:
    """Between 0 and 1."""
    low, high = np.percentile(image, [0.5, 99.5])
    return np.asarray(np.clip((image - low) / (high - low), 0, 1), np.float32)


def changed(change: Change) -> Callable[[Sample], Sample]:
    """The same micrograph with other grey levels."""

    def make(sample: Sample) -> Sample:
        micrograph = sample.micrograph
        image = change(micrograph.image, micrograph.frame.working_pixels(sample.diameter))
        return replace(sample, micrograph=replace(micrograph, image=image))

    return make


def binned(sample: Sample) -> Sample:
    """A micrograph of so few pixels, with its truth in them."""
    frame = sample.micrograph.frame
    scale = BINNED / frame.micrograph_pixels(sample.diameter)
    small = rescale(sample.micrograph.image, scale)
    micrograph = Micrograph.from_array(small, frame.known_pixel_size() / scale, frame.micrograph)
    truth = Picks(
        micrograph.frame,
        frame.rescaled(scale).from_micrograph(sample.truth.yx),
        diameter=np.full(len(sample.truth), float(BINNED)),
    )
    return Sample(micrograph, truth, sample.diameter, scale * sample.edge)


CHANGES: dict[str, Callable[[Sample], Sample]] = {
    "high-passed": changed(high_passed),
    "flattened": changed(flattened),
    "denoised": changed(denoised),
    "16 grey levels": changed(few_greys),
    "JPEG": changed(jpeg),
    "binned": binned,
}


def kinds(visibilities: Sequence[float], changed_at: float) -> Iterator[Kind]:
    for value in visibilities:
        yield Kind(f"visibility {value:g}", {"visibility": (value, value)})
    at = {"visibility": (changed_at, changed_at)}
    yield Kind("phase plate", at | {"phase_plate": 1.0})
    yield Kind("negative stain", at | {"negative_stain": 1.0}, options={"invert": True})
    for name, change in CHANGES.items():
        yield Kind(name, at, change)


def micrographs(kind: Kind, structures: tuple[Path, ...], count: int, folder: Path) -> list[Sample]:
    """Simulated where the folder does not have them yet, then changed; whole particles only, nothing else in view."""
    nothing_else: dict[str, Any] = dict.fromkeys(
        ("contamination", "carbon", "empty", "aggregates", "defects", "processed"), 0
    )
    told = {"seed": 17, "coverage": (0.25, 0.25), "broken": (0, 0)} | nothing_else | kind.settings
    out = simulated(structures, folder / kind.folder, count=count, **told)
    return [kind.change(sample) for sample in TestSet(kind.name, out).samples]


def row(kind: Kind, samples: Sequence[Sample], contender: Ours) -> Row:
    """Figures of one picker on one kind of micrographs."""
    told = replace(contender, options=contender.options | kind.options)
    every = []
    for sample in samples:
        picker = ready(told, sample.diameter, 0.0, [sample.micrograph])
        every.append(picker.pick(sample.micrograph))
    figures: Row = dict(measure(every, samples, DEFAULT_THRESHOLD))
    auto = [at_threshold([picks], suited([picks.score]))[0] for picks in every]
    counts = judge(auto, samples).counts
    figures |= {"R auto": counts.recall, "P auto": counts.precision, "F1 auto": counts.f1}
    return {"micrographs": kind.name, "picker": contender.label, "n": len(samples)} | figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with structures/")
    parser.add_argument(
        "--simulated", type=Path, default=Path("runs/clear"), help="where simulated micrographs are kept"
    )
    parser.add_argument("--count", type=int, default=20, help="micrographs of each kind")
    parser.add_argument("--changed-at", type=float, default=10, help="visibility of those that are changed")
    parser.add_argument("--only", nargs="+", default=[""], metavar="ROW", help="rows whose name has this in it")
    parser.add_argument("--pickers", nargs="+", default=["drpnet"], help="shipped pickers")
    parser.add_argument("--detector", nargs="+", type=Path, default=[], metavar="FILE", help="detectors to compare")
    options = parser.parse_args()
    torch.set_num_threads(1)
    contenders = [*(Ours(name, {}, picker=name) for name in options.pickers), *map(of_file, options.detector)]
    structures = kept_for_testing(options.shared)
    table = []
    for kind in kinds(sorted({*VISIBILITIES, options.changed_at}), options.changed_at):
        if any(part in kind.name for part in options.only):
            samples = micrographs(kind, structures, options.count, options.simulated)
            table += [row(kind, samples, contender) for contender in contenders]
    print(markdown(table, COLUMNS))


if __name__ == "__main__":
    main()
