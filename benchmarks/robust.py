"""What spoilt pixels cost: ``python benchmarks/robust.py``.

One table, a row a kind of damage. In each cell recall and F1 at the default threshold, for one
picker, over micrographs of made-up proteins (`simulate`, without contamination) and, with ``--data``, over the first
real micrograph of each set with labels. The first row is the same micrographs without damage.

The last lines are the time of what is done about it on a micrograph of 4096 x 4096 pixels, and of all of picking.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from measures import WITHOUT_TRUTH, find_sets
from napari_drpnet import Micrograph, Picks, UserError, load_picker
from napari_drpnet.data import ImageArray
from napari_drpnet.defects import repaired
from napari_drpnet.evaluation import evaluate
from napari_drpnet.pickers.seen import network_image
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import simulate_one

SEEDS = (5, 6, 7, 8)
Damage = Callable[[ImageArray, np.random.Generator], ImageArray]


@dataclass(frozen=True, eq=False)
class Case:
    """A micrograph, its true particles, and their diameter in Angstrom."""

    micrograph: Micrograph
    truth: Picks
    diameter: float

    def spoilt(self, damage: Damage) -> Case:
        """The same with damaged pixels, without the particles in areas of one grey level."""
        image = damage(self.micrograph.image.copy(), np.random.default_rng(0))
        frame = self.micrograph.frame
        lost = ndimage.maximum_filter(image, 15) == ndimage.minimum_filter(image, 15)
        y, x = np.rint(self.truth.yx).astype(int).T
        micrograph = Micrograph.from_array(image, frame.pixel_size, frame.micrograph)
        return replace(self, micrograph=micrograph, truth=self.truth.select(~lost[y, x]))


def columns(at: list[int], deviations: float, width: int = 1, part: float = 1.0) -> Damage:
    """Columns so many standard deviations from the mean."""

    def damage(image: ImageArray, rng: np.random.Generator) -> ImageArray:
        level, where = image.mean() + deviations * image.std(), [x % (image.shape[1] - width) for x in at]
        for x in where:
            image[: int(part * len(image)), x : x + width] = level
        return image

    return damage


def constant(level: float, columns: slice, rows: slice) -> Damage:
    """One grey level in an area."""

    def damage(image: ImageArray, rng: np.random.Generator) -> ImageArray:
        image[rows, columns] = level
        return image

    return damage


def frame_of_zeros(width: int) -> Damage:
    """A frame of zeros around an image of counts."""

    def damage(image: ImageArray, rng: np.random.Generator) -> ImageArray:
        inner = counts(image, rng)[width:-width, width:-width].copy()
        return np.pad(inner, width)

    return damage


def counts(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Whole numbers of a mean of 1000 and a standard deviation of 30."""
    return np.rint(1000 + 30 * (image - image.mean()) / image.std()).astype(np.uint16).astype(np.float32)


def beam_edge(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Zeros beyond a round beam."""
    image = counts(image, rng)
    h, w = image.shape
    y, x = np.ogrid[:h, :w]
    image[np.hypot(y - h / 2, x - w / 2) > 0.62 * max(h, w)] = 0
    return image


def scattered(part: float, value: float) -> Damage:
    """Single pixels: a value, or so many standard deviations."""

    def damage(image: ImageArray, rng: np.random.Generator) -> ImageArray:
        level = image.mean() + value * image.std() if np.isfinite(value) else value
        image[rng.random(image.shape) < part] = level
        return image

    return damage


def seams(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Modules of a detector that differ by a tenth of a standard deviation, and lines of two pixels between them."""
    h, w = image.shape
    deviation = image.std()
    image[:, w // 2 :] += np.float32(0.1 * deviation)
    image[h // 2 :] -= np.float32(0.1 * deviation)
    image[h // 2 : h // 2 + 2] += np.float32(5 * deviation)
    image[:, w // 2 : w // 2 + 2] -= np.float32(5 * deviation)
    return image


def band(wide: int, deviations: float) -> Damage:
    """Neighbouring columns whose level differs, with their signal."""

    def damage(image: ImageArray, rng: np.random.Generator) -> ImageArray:
        image[:, 300 : 300 + wide] += np.float32(deviations * image.std())
        return image

    return damage


def frame_of_noise(width: int, deviation: float) -> Damage:
    """A frame of a little noise around 0 around an image of counts."""

    def damage(image: ImageArray, rng: np.random.Generator) -> ImageArray:
        noise = rng.normal(0, deviation, image.shape).astype(np.float32)
        inside = np.s_[width:-width, width:-width]
        noise[inside] = counts(image, rng)[inside]
        return noise

    return damage


def half_gain(factor: float) -> Damage:
    """Half the detector with another gain."""

    def damage(image: ImageArray, rng: np.random.Generator) -> ImageArray:
        image = counts(image, rng)
        image[:, image.shape[1] // 2 :] *= np.float32(factor)
        return image

    return damage


def corner(deviations: float, part: float) -> Damage:
    """A corner far from the rest, of so large a part of the image."""

    def damage(image: ImageArray, rng: np.random.Generator) -> ImageArray:
        y, x = np.ogrid[: image.shape[0], : image.shape[1]]
        image[x + y < (2 * part * image.size) ** 0.5] += np.float32(deviations * image.std())
        return image

    return damage


def slope(deviations: float) -> Damage:
    """Grey levels that rise evenly across the image."""
    return lambda image, rng: image + np.linspace(0, deviations * image.std(), image.shape[1], dtype=np.float32)


def checkers(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Every other pixel missing."""
    image[::2, ::2] = image[1::2, 1::2] = np.nan
    return image


def one_pixel(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """One pixel of 1e30."""
    image[len(image) // 3, len(image) // 3] = 1e30
    return image


def times(factor: float) -> Damage:
    """Other units."""
    return lambda image, rng: (image / np.abs(image).max() * np.float64(factor)).astype(np.float32)


DAMAGES: dict[str, Damage] = {
    "none": lambda image, rng: image,
    "a column at 300 sd": columns([333], 300),
    "a column at -300 sd": columns([333], -300),
    "20 columns at 20 sd": columns([51 * n + 7 for n in range(20)], 20),
    "20 columns at -6 sd": columns([51 * n + 7 for n in range(20)], -6),
    "20 half columns at 3 sd": columns([51 * n + 7 for n in range(20)], 3, part=0.5),
    "5 columns of 4 px at 1e6 sd": columns([201 * n + 7 for n in range(5)], 1e6, width=4),
    "a row at 300 sd": lambda image, rng: columns([333], 300)(image.T, rng).T,
    "8 columns of 0": lambda image, rng: constant(0, slice(300, 308), slice(None))(counts(image, rng), rng),
    "a block of 0, 200 px": lambda image, rng: constant(0, slice(300, 500), slice(300, 500))(counts(image, rng), rng),
    "a frame of 0, 100 px": frame_of_zeros(100),
    "a frame of 0, 3 px": frame_of_zeros(3),
    "zeros beyond the beam": beam_edge,
    **{f"{w} columns {sd:+d} sd": band(w, sd) for w, sd in ((5, 6), (8, 6), (16, 1), (16, 6), (40, 10), (12, 100))},
    **{f"a frame of noise {sd}, {w} px": frame_of_noise(w, sd) for w, sd in ((10, 0.01), (20, 0.5))},
    **{f"half the detector x {gain}": half_gain(gain) for gain in (1.3, 2.0)},
    **{f"a corner of 2 % at {sd} sd": corner(sd, 0.02) for sd in (-10, -20, 10)},
    "a slope of 50 sd": slope(50),
    "6 % at 1000 sd": scattered(0.06, 1000),
    "25 % at 1000 sd": scattered(0.25, 1000),
    "half NaN, checkers": checkers,
    "0.01 % at 1000 sd": scattered(1e-4, 1000),
    "1 % at 1000 sd": scattered(1e-2, 1000),
    "one pixel 1e30": one_pixel,
    "seams": seams,
    "counts": counts,
    "0.1 % NaN": scattered(1e-3, np.nan),
    "1 % NaN": scattered(1e-2, np.nan),
    "5 % NaN": scattered(5e-2, np.nan),
    "20 % NaN": scattered(0.2, np.nan),
    "at most 1e-40": times(1e-40),
    "at most 1e37": times(1e37),
}


def simulated(size: int = 1400) -> Iterator[Case]:
    """Made-up proteins, without contamination."""
    for seed in SEEDS:
        settings = SimulationSettings(
            seed=seed,
            size=size,
            diameter_px=(70.0, 70.0),
            visibility=(10, 10),
            coverage=(0.25, 0.25),
            contamination=0,
            carbon=0,
            empty=0,
            defects=0,
        )
        made = simulate_one(settings, 0)
        size_of_pixel = made.micrograph.frame.known_pixel_size()
        yield Case(made.micrograph, made.truth, float(np.median(made.truth.diameter)) * size_of_pixel)


def real(data: Path) -> Iterator[Case]:
    """The first micrograph of each set with labels."""
    for test in find_sets(data, Path("nowhere")):
        if test.name not in WITHOUT_TRUTH:
            sample = test.samples[0]
            yield Case(sample.micrograph, sample.truth, sample.diameter)


def cell(cases: list[Case], name: str) -> str:
    """Recall and F1 pooled over micrographs; the reason where one cannot be picked."""
    try:
        each = [
            evaluate([picked(case, name)], [case.truth], case.diameter, case.micrograph.frame.known_pixel_size())
            for case in cases
        ]
    except UserError as error:
        return error.message
    total = sum((one.counts for one in each[1:]), each[0].counts)
    return f"{total.recall:.3f} {total.f1:.3f}"


def picked(case: Case, name: str) -> Picks:
    return load_picker(name, diameter=case.diameter, device="cpu").pick(case.micrograph)


def timed(work: Callable[[], object], repeats: int = 7) -> float:
    """Median of the seconds of some runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def times_of(cases: list[Case]) -> Iterator[str]:
    """Seconds on a micrograph of 4096 x 4096 pixels."""
    tiled = np.tile(cases[0].micrograph.image, (3, 3))[:4096, :4096]
    good = Micrograph.from_array(tiled, cases[0].micrograph.frame.pixel_size)
    spoilt = Case(good, cases[0].truth, cases[0].diameter).spoilt(DAMAGES["1 % NaN"]).micrograph
    one = load_picker("drpnet", diameter=cases[0].diameter, device="cpu")
    yield f"all of picking: {timed(lambda: one.pick(good), 3):.3f} s"
    for name, noise in (("", False), (", and whether the particles are too clear", True)):
        seconds = timed(lambda noise=noise: network_image(good, cases[0].diameter, 32, False, add_noise=noise))
        yield f"the network's image{name}: {seconds:.3f} s"
    yield f"bad pixels, of an ordinary micrograph: {timed(lambda: repaired(good)):.3f} s"
    yield f"bad pixels, of one with 1 % NaN: {timed(lambda: repaired(spoilt)):.3f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the real sets")
    parser.add_argument("--pickers", nargs="+", default=["drpnet", "pixer", "centerpicker", "log", "template"])
    parser.add_argument("--only", nargs="+", default=[""], metavar="ROW", help="rows whose name has this in it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| " + " | ".join(["", *options.pickers]) + " |\n|" + "---|" * (1 + len(options.pickers)))
    plain = list(simulated())
    if options.data:
        plain += real(options.data)
    rows = {name: lambda damage=damage: [case.spoilt(damage) for case in plain] for name, damage in DAMAGES.items()}
    for name, make in rows.items():
        if any(part in name for part in options.only):
            cases = make()
            print("| " + " | ".join([name, *(cell(cases, picker) for picker in options.pickers)]) + " |", flush=True)
    print(*times_of(plain), sep="\n")


if __name__ == "__main__":
    main()
