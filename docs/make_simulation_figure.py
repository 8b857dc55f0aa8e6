"""Simulated against real micrographs.

``python docs/make_simulation_figure.py SHARED``, where SHARED holds data/ with the real sets, writes
docs/images/simulation.png and prints the table of docs/simulation.md. Everything is brought to 32 px a particle; the
simulated micrographs are of made-up particles under default settings, without contamination, film and defects: as they
come from the microscope, all treated by somebody, and on the real backgrounds of SHARED/data/background.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import numpy as np
from scipy import ndimage, stats
from scipy.signal import oaconvolve

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.io import read_micrograph, read_picks
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import simulate_one
from napari_drpnet.simulation.filters import broad_blur, radial_spectrum

mpl.use("Agg")
import matplotlib.pyplot as plt

DIAMETER, CROP, SIMULATED, REAL = 32, 320, 24, 2
SETTINGS = SimulationSettings(
    size=1000, diameter_px=(36, 60), contamination=0, carbon=0, defects=0, empty=0, aggregates=0, processed=0, seed=1
)


@dataclass(frozen=True)
class Sample:
    """One image with 32 px a particle, standardised, and its particles' centres."""

    image: ImageArray
    yx: FloatArray

    @cached_property
    def spectrum(self) -> FloatArray:
        """Radially averaged power in steps of a quarter of 1/diameter."""
        return radial_spectrum(self.image)

    @cached_property
    def contrast(self) -> float:
        """How many deviations of the background particles are darker than what surrounds them, their median.

        A particle's value is the mean in a disc of 0.6 diameters less that in a ring from 1.2 to 1.6 diameters; the
        background's deviation is that of the same value where no particle is nearer than a diameter.
        """
        y, x = np.mgrid[-26:27, -26:27]
        r = np.hypot(y, x) / DIAMETER
        disc, ring = r < 0.3, (r > 0.6) & (r < 0.8)
        kernel = ring / ring.sum() - disc / disc.sum()
        answer = oaconvolve(self.image, kernel, mode="same")
        h, w = self.image.shape
        at = np.rint(self.yx).astype(int)
        at = at[((at > 26) & (at < (h - 27, w - 27))).all(axis=1)]
        free = np.ones((h, w), bool)
        free[tuple(np.clip(np.rint(self.yx).astype(int), 0, (h - 1, w - 1)).T)] = False
        background = answer[ndimage.distance_transform_edt(free) > DIAMETER]
        centre, spread = np.median(background), 1.4826 * stats.median_abs_deviation(background)
        return float(np.median((answer[tuple(at.T)] - centre) / spread))


def brought_to_scale(image: ImageArray, yx: FloatArray, diameter: float, edge: int) -> Sample:
    """A micrograph with ``diameter`` pixels a particle, without its edge, at 32."""
    inner = image[edge : image.shape[0] - edge, edge : image.shape[1] - edge].astype(np.float32)
    zoom = DIAMETER / diameter
    if zoom < 1:
        inner = ndimage.gaussian_filter(inner, 0.35 / zoom)
    small = ndimage.zoom(inner, zoom, order=1, grid_mode=True, mode="nearest")
    small -= broad_blur(small, 80)
    return Sample(small / small.std(), (np.asarray(yx) - edge + 0.5) * zoom - 0.5)


def real_samples(shared: Path) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {}
    with (shared / "data/datasets.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            for truth in sorted((shared / "data" / row["set"]).glob("*.csv"))[:REAL]:
                (path,) = (p for p in truth.parent.glob(truth.stem + ".*") if p.suffix != ".csv")
                image, (picks,) = read_micrograph(path).image, read_picks(truth)
                scaled = brought_to_scale(image, picks.yx, float(row["diameter_px"]), int(row["edge_px"]))
                samples.setdefault(row["set"], []).append(scaled)
    return samples


def simulated_samples(shared: Path) -> dict[str, list[Sample]]:
    backgrounds = tuple(sorted((shared / "data/background").iterdir()))
    kinds: dict[str, dict[str, object]] = {
        "simulated": {},
        "simulated, treated": {"processed": 1},
        "simulated on real background": {"backgrounds": backgrounds},
    }
    samples: dict[str, list[Sample]] = {}
    for name, changed in kinds.items():
        made = (simulate_one(SETTINGS.model_copy(update=changed), index) for index in range(SIMULATED))
        shown = [one for one in made if len(one.truth)]
        samples[name] = [
            brought_to_scale(one.micrograph.image, one.truth.yx, float(one.truth.diameter[0]), 0) for one in shown
        ]
    return samples


def tell(name: str, samples: list[Sample]) -> None:
    """One row of the table: median, and the range where there are several."""

    def spread(values: list[float]) -> str:
        return f"{np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"

    slopes = [float(np.log10(s.spectrum[4:9].mean() / s.spectrum[40:56].mean())) for s in samples]
    skew = [float(stats.skew(s.image.ravel())) for s in samples]
    tails = [float(stats.kurtosis(s.image.ravel())) for s in samples]
    print("|", " | ".join([name, *map(spread, ([s.contrast for s in samples], slopes, skew, tails))]), "|", flush=True)


def distance(one: Sample, other: Sample) -> float:
    """How far two spectra are apart up to 8 per diameter, in orders of magnitude."""
    return float(np.abs(np.log10(one.spectrum[2:33] / other.spectrum[2:33])).mean())


def crop(axes: plt.Axes, sample: Sample, title: str) -> None:
    part = sample.image[:CROP, :CROP]
    low, high = np.percentile(part, [0.5, 99.5])
    axes.imshow(part, cmap="gray", vmin=low, vmax=high)
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def draw(real: dict[str, list[Sample]], simulated: list[Sample], path: Path) -> None:
    figure, rows = plt.subplots(len(real), 4, figsize=(13, 3.2 * len(real)), layout="constrained")
    ranked = sorted(simulated, key=lambda sample: sample.contrast)
    frequency = np.linspace(0, 16, 65)
    band = np.quantile([s.spectrum for s in simulated], [0, 0.5, 1], axis=0)
    edges = np.linspace(-5, 5, 101)
    for axes, (name, samples) in zip(rows, real.items(), strict=True):
        nearest = min(ranked, key=lambda s: abs(s.contrast - samples[0].contrast) + distance(s, samples[0]))
        ranked = [s for s in ranked if s is not nearest]
        crop(axes[0], samples[0], f"EMPIAR-{name}, contrast {samples[0].contrast:.1f}")
        crop(axes[1], nearest, f"simulated, contrast {nearest.contrast:.1f}")
        axes[2].fill_between(frequency, band[0], band[2], color="tab:blue", alpha=0.2, label="simulated, all")
        axes[2].plot(frequency, nearest.spectrum, color="tab:blue", label="simulated, shown")
        axes[2].plot(frequency, samples[0].spectrum, color="tab:red", label="real")
        axes[2].set(xscale="log", yscale="log", xlim=(0.5, 16), xlabel="frequency (1/diameter)", ylabel="power")
        for sample, colour in ((nearest, "tab:blue"), (samples[0], "tab:red")):
            axes[3].hist(sample.image.ravel(), edges, density=True, histtype="step", color=colour)
        axes[3].set(yscale="log", xlabel="grey level (deviations)", ylabel="density", ylim=(1e-5, 1))
    rows[0][2].legend(fontsize=8)
    figure.savefig(path, dpi=75)


if __name__ == "__main__":
    shared = Path(sys.argv[1])
    real, simulated = real_samples(shared), simulated_samples(shared)
    for name, samples in [*real.items(), *simulated.items()]:
        tell(name, samples)
    everything = [sample for samples in simulated.values() for sample in samples]
    draw(real, everything, Path(__file__).parent / "images/simulation.png")
