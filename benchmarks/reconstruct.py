"""What `reconstruct` finds where the truth is known: angles, resolution, and what wrong picks do to the map.

One structure is simulated, and its true places, with a part of them moved to where no particle is, are reconstructed.
The share is how much of the signal of true picks alone is left, as the halves tell.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from scipy.stats import rankdata

from napari_drpnet import Picks, read_micrograph
from napari_drpnet.data import FloatArray
from napari_drpnet.io.ctf_files import read_ctf
from napari_drpnet.io.mrc import open_mrc
from napari_drpnet.io.picks.star_poses import Posed, read_poses
from napari_drpnet.io.reconstruction_files import DATA, HALVES, write_volume
from napari_drpnet.jobs import ReconstructionReport, finish, reconstruct_picks, simulate
from napari_drpnet.jobs.averaging.picked import PickedMicrograph
from napari_drpnet.jobs.averaging.sources import Source
from napari_drpnet.jobs.simulation import MICROGRAPHS_STAR
from napari_drpnet.reconstruction.reference import Scale, low_passed, read_reference
from napari_drpnet.reconstruction.shells import crossing, shell_correlation
from napari_drpnet.settings import ReconstructionSettings, SimulationSettings
from napari_drpnet.simulation.structures import density, read_structure

SIZE, PIXEL, VOXEL = 3072, 2.0, 2.0
PLAIN = dict.fromkeys(("empty", "contamination", "carbon", "processed", "defects"), 0.0)


@dataclass(frozen=True)
class Row:
    """One reconstruction against the truth."""

    wrong: int
    right: int
    angle: float
    within: float
    halves: float
    truth: float
    share: float
    told_apart: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.right:6} {self.wrong:6} {self.angle:8.2f} {self.within:8.0%} {self.halves:8.1f} {self.truth:8.1f} "
            f"{self.share:8.2f} {self.told_apart:8.3f} {self.seconds:8.0f}"
        )


def simulated(structure: Path, count: int, visibility: float, folder: Path) -> tuple[dict[Path, Posed], Path, float]:
    """Micrographs with their truth, the true map, and the longest extent in Angstrom."""
    particle = read_structure(structure)
    if not (folder / MICROGRAPHS_STAR).exists():
        settings = SimulationSettings(
            structures=(structure,), count=count, size=SIZE, pixel_size=PIXEL, views=2500, coverage=(0.3, 0.3),
            preferred_views=(0, 0), voltage=(300,), defocus=(1.0, 2.5), visibility=(visibility, visibility), **PLAIN,
        )  # fmt: skip
        finish(simulate(settings, folder))
    volume = density(particle, VOXEL)
    reference = write_volume(volume.density, folder / "true_map.map", VOXEL)
    truth = {path: read_poses(path.with_suffix(".star"))[0] for path in sorted(folder.glob("*.mrc"))}
    return truth, reference, particle.diameter


def places(true: Posed, part: float, diameter: float, chance: np.random.Generator) -> FloatArray:
    """True places, a part of them moved to where no particle is within half a diameter."""
    yx, reach = true.picks.yx, 0.5 * diameter / PIXEL
    free: list[FloatArray] = []
    while sum(map(len, free)) < len(yx):
        tried = chance.uniform(reach, SIZE - reach, (1000, 2))
        free.append(tried[np.linalg.norm(tried[:, None] - yx, axis=2).min(1) > reach])
    moved = chance.random(len(yx)) < part
    return np.where(moved[:, None], np.concatenate(free)[: len(yx)], yx)


def source(truth: dict[Path, Posed], part: float, diameter: float, folder: Path) -> Source:
    """Picks of all micrographs."""
    chance, lens = np.random.default_rng(3), read_ctf(folder / MICROGRAPHS_STAR)
    found = []
    for path, true in truth.items():
        micrograph = read_micrograph(path)
        picks = Picks(micrograph.frame, places(true, part, diameter, chance))
        found.append(PickedMicrograph(path.name, lambda m=path, p=picks: (read_micrograph(m), p), lens.of(path.name)))
    return Source(tuple(found), diameter, lens)


def judged(
    report: ReconstructionReport, truth: dict[Path, Posed], reference: Path, scale: Scale
) -> tuple[Row, FloatArray]:
    """The row of a reconstruction, still without its share, and the correlation of its halves."""
    angle, right = against_truth(report.folder, {path.name: one for path, one in truth.items()}, 0.15 * scale.diameter)
    ball = scale.ball
    one, other = (torch.from_numpy(np.array(open_mrc(report.folder / name)[0])) * ball for name in HALVES)
    true = low_passed(*read_reference(reference), scale, 2 * scale.pixel_size) * ball
    rank, count = rankdata(report.scores), int(right.sum())
    apart = np.nan
    if 0 < count < len(right):
        apart = (rank[right].sum() - count * (count + 1) / 2) / (count * (len(right) - count))
    agreed = scale.resolution(crossing(shell_correlation(one + other, true), 0.5))
    within = float((angle < 10).sum() / max(count, 1))
    median = float(np.median(angle)) if count else np.nan
    row = Row(len(right) - count, count, median, within, report.resolution, agreed, 1.0, apart, 0.0)
    return row, shell_correlation(one, other)


def share(curve: FloatArray, whole: FloatArray, scale: Scale) -> float:
    """How many true particles there are in a map, as part of those in another of as many picks.

    The signal of a map's power grows with the square of the true particles, its noise with all.
    """
    shells = slice(int(scale.radius(30.0)) + 2, int(crossing(whole)))
    ours, theirs = (float((one[shells] / (1 - one[shells])).sum()) for one in (curve, whole))
    return float(np.sqrt(max(ours, 0.0) / theirs))


def against_truth(folder: Path, truth: dict[str, Posed], near: float) -> tuple[FloatArray, np.ndarray]:
    """Angles to the truth in degrees, of those that are near a true particle, and which these are."""
    angles, right = [], []
    for one in read_poses(folder / DATA):
        true = truth[Path(one.picks.frame.micrograph).name]
        away = np.linalg.norm(one.picks.yx[:, None] - true.picks.yx, axis=2) * PIXEL
        nearest, close = away.argmin(1), away.min(1) < near
        ours, theirs = (
            Rotation.from_euler("ZYZ", np.stack([p.rot, p.tilt, p.picks.psi], 1), degrees=True) for p in (one, true)
        )
        angles.append(np.rad2deg((ours * theirs[nearest].inv()).magnitude())[close])
        right.append(close)
    return np.concatenate(angles), np.concatenate(right)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("structure", type=Path, help="PDB, mmCIF or MRC")
    parser.add_argument("--micrographs", type=int, default=6)
    parser.add_argument("--visibility", type=float, default=5.0)
    parser.add_argument("--wrong", type=float, nargs="*", default=[0.0, 0.3, 0.6, 1.0])
    parser.add_argument("--work", type=Path, default=Path("reconstruct-benchmark"))
    told = parser.parse_args(arguments)
    truth, reference, diameter = simulated(told.structure, told.micrographs, told.visibility, told.work)
    settings = ReconstructionSettings(diameter=diameter)
    print(f"{told.structure.name}: {diameter:.0f} A, {len(truth)} micrographs")
    print(" right  wrong   median within10   halves    truth    share    apart  seconds")
    whole: FloatArray | None = None
    for part in told.wrong:
        begin, out = time.process_time(), told.work / f"wrong-{part:g}"
        report = finish(reconstruct_picks(source(truth, part, diameter, told.work), reference, settings, out))
        seconds = time.process_time() - begin
        scale = Scale(settings.box, open_mrc(out / HALVES[0])[1] or 1.0, diameter)
        row, curve = judged(report, truth, reference, scale)
        whole = curve if whole is None else whole
        print(replace(row, share=share(curve, whole, scale), seconds=seconds), flush=True)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
