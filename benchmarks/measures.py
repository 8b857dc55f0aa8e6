"""What a picker is tested on and what is measured there: micrographs with their truth, and figures of merit."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from napari_drpnet import Micrograph, Picks, read_micrograph, read_picks
from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.evaluation import Counts, Evaluation, evaluate
from napari_drpnet.evaluation.curves import precision_recall
from napari_drpnet.evaluation.reliability import calibration_error

WITHOUT_TRUTH = ("no_particles", "contaminated")
# Where an image has neither scale nor particles, a particle is taken as this part of its longer side.
PART_OF_SIDE = 1 / 20
_MARKED = "_neg.csv"
# Below this a pick is certainly none; there are so many that they would flatter the calibration error.
_CERTAINLY_NONE = 0.02
# Picks of a kind, and mean evidence of the right ones, that tell how many of the wrong ones are particles.
_FEWEST, _LEAST_EVIDENCE = 20, 0.2


@dataclass(frozen=True, eq=False)
class Sample:
    """A micrograph, its true particles, their diameter in Angstrom, and the unscored band along the edges in pixels.

    ``marked``: places that a person marked as ice, carbon or empty, and how large; None where nobody did.
    """

    micrograph: Micrograph
    truth: Picks
    diameter: float
    edge: float
    marked: Picks | None = None


@dataclass(frozen=True)
class TestSet:
    """Micrographs in one folder; a pixel size, diameter and edge of None are those of the files."""

    name: str
    folder: Path
    pixel_size: float | None = None
    diameter: float | None = None
    edge: float | None = None

    @property
    def has_truth(self) -> bool:
        return self.name not in WITHOUT_TRUTH

    @cached_property
    def samples(self) -> list[Sample]:
        images = [file for file in sorted(self.folder.iterdir()) if file.suffix in {".png", ".jpg", ".mrc"}]
        labels = [self._labels(image) for image in images]
        known = np.concatenate([np.empty(0), *(truth.diameter for truth in labels if truth is not None)])
        # A micrograph without particles is looked at as the others are.
        usual = float(np.median(known)) if np.isfinite(known).any() else float("nan")
        return [self._sample(image, truth, usual) for image, truth in zip(images, labels, strict=True)]

    def _labels(self, image: Path) -> Picks | None:
        beside = (image.with_suffix(suffix) for suffix in (".star", ".csv"))
        return next((read_picks(file)[0] for file in beside if self.has_truth and file.exists()), None)

    def _sample(self, image: Path, truth: Picks | None, usual: float) -> Sample:
        micrograph = read_micrograph(image, pixel_size=self.pixel_size)
        frame = micrograph.frame
        if truth is None:
            return Sample(micrograph, Picks(frame, np.empty((0, 2))), PART_OF_SIDE * longer_side(micrograph), 0)
        pixels = float(np.median(truth.diameter)) if len(truth) else usual
        diameter = self.diameter or pixels * frame.known_pixel_size()
        edge = frame.micrograph_pixels(diameter) / 2 if self.edge is None else self.edge
        sized = Picks(frame, truth.yx, diameter=np.array(frame.micrograph_pixels(diameter)), box=truth.box)
        return Sample(micrograph, sized, diameter, edge, self._marked(image))

    def _marked(self, image: Path) -> Picks | None:
        """Files of such places have a part of the image's name."""
        files = sorted((self.folder / "hand_labels").glob(f"*{_MARKED}"))
        return next((read_picks(file)[0] for file in files if file.name.removesuffix(_MARKED) in image.stem), None)


def longer_side(micrograph: Micrograph) -> float:
    """In Angstrom."""
    return float(max(micrograph.image.shape)) * micrograph.frame.known_pixel_size()


def find_sets(data: Path, simulated: Path) -> Iterator[TestSet]:
    """Simulated test proteins at every dose, real sets, and images without anything to pick, as far as they exist."""
    for folder in sorted(simulated.glob("test-*")):
        yield TestSet(f"simulated {folder.name.removeprefix('test-')} e/A^2", folder)
    with (data / "datasets.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            size, diameter, edge = (float(row[key]) for key in ("pixel_size_A", "diameter_A", "edge_px"))
            yield TestSet(row["set"], data / row["set"], size, diameter, edge)
    for name in WITHOUT_TRUTH:
        yield TestSet(name, data / name, pixel_size=1.0)


def judge(found: Sequence[Picks], samples: Sequence[Sample]) -> Evaluation:
    """`evaluate` pooled over micrographs that each have a diameter of their own; half of it is the largest distance."""
    each = [
        evaluate([picks], [s.truth], s.diameter, s.micrograph.frame.known_pixel_size(), edge=s.edge)
        for picks, s in zip(found, samples, strict=True)
    ]
    verdicts = tuple(one.verdicts[0] for one in each)
    return Evaluation(
        verdicts,
        sum((one.counts for one in each), Counts()),
        sum((one.flipped for one in each), Counts()),
        precision_recall([verdict.sweep for verdict in verdicts]),
    )


def at_threshold(found: Sequence[Picks], threshold: float) -> list[Picks]:
    return [picks.select(picks.score >= threshold) for picks in found]


def measure(found: Sequence[Picks], samples: Sequence[Sample], threshold: float | None) -> dict[str, float]:
    """Figures of merit of scored picks, at a threshold; None: at the one that is best on these very samples."""
    curve = judge(found, samples).curve
    assert curve is not None, "the picks are scored, and there are particles"
    best_f1, best_threshold = curve.best
    chosen = judge(at_threshold(found, best_threshold if threshold is None else threshold), samples)
    distance, part = offsets(chosen, samples)
    return {
        "particles": chosen.counts.true + chosen.counts.missed,
        "P": chosen.counts.precision,
        "R": chosen.counts.recall,
        "F1": chosen.counts.f1,
        "best F1": best_f1,
        "at": best_threshold,
        "AP": curve.area,
        "off A": distance,
        "off %": 100 * part,
    }


def calibration(found: Sequence[Picks], samples: Sequence[Sample]) -> float:
    """Expected calibration error of picks whose score is a probability."""
    return calibration_error(*calibration_pairs(found, samples))


def calibration_pairs(found: Sequence[Picks], samples: Sequence[Sample]) -> tuple[FloatArray, MaskArray]:
    """Probabilities of scored picks, and whether each was a particle."""
    sweeps = [verdict.sweep for verdict in judge(at_threshold(found, _CERTAINLY_NONE), samples).verdicts]
    return np.concatenate([s.score for s in sweeps]), np.concatenate([s.found for s in sweeps])


def proved_wrong(
    found: Sequence[Picks], evidence: Sequence[FloatArray], samples: Sequence[Sample], threshold: float
) -> tuple[float, float] | None:
    """Mean evidence of the wrong picks at a threshold as a part of that of the right ones, and its standard error.

    Wrong picks show parts of particles, so it is above 0 where labels are complete, too. None where nothing is proved,
    or too few wrong picks.
    """
    values: dict[bool, list[FloatArray]] = {True: [], False: []}
    for picks, known, sample in zip(found, evidence, samples, strict=True):
        some = (picks.score >= threshold) & np.isfinite(known)
        (verdict,) = judge([picks.select(some)], [sample]).verdicts
        for right, points in ((True, verdict.true), (False, verdict.false)):
            same = (picks.yx[some][:, None] == points[None]).all(-1).any(1)
            values[right].append(known[some][same])
    right, wrong = (np.concatenate([np.empty(0), *values[key]]) for key in (True, False))
    if min(len(right), len(wrong)) < _FEWEST or right.mean() < _LEAST_EVIDENCE:
        return None
    part = float(wrong.mean() / right.mean())
    errors = [one.std() / np.sqrt(len(one)) / right.mean() for one in (wrong, right)]
    return part, float(np.hypot(errors[0], part * errors[1]))


def on_marked(found: Sequence[Picks], samples: Sequence[Sample]) -> tuple[float, float] | None:
    """Picks a micrograph that lie on places marked as ice, carbon or empty, and the part of these places that has one.

    On a place: within half of the diameter that it was marked with. None where nobody marked any.
    """
    picks, places = [], []
    for one, sample in zip(found, samples, strict=True):
        if sample.marked is not None:
            apart = np.linalg.norm(one.yx[:, None] - sample.marked.yx[None], axis=-1)
            near = apart <= sample.marked.diameter / 2
            picks.append(int(near.any(axis=1).sum()))
            places.append(near.any(axis=0))
    return (float(np.mean(picks)), float(np.concatenate(places).mean())) if picks else None


def offsets(evaluation: Evaluation, samples: Sequence[Sample]) -> tuple[float, float]:
    """Median distance of right picks from the nearest true centre: in Angstrom, and as a part of the diameter."""
    lengths: list[FloatArray] = []
    parts: list[FloatArray] = []
    for verdict, sample in zip(evaluation.verdicts, samples, strict=True):
        if len(verdict.true):
            apart = np.linalg.norm(verdict.true[:, None] - sample.truth.yx[None], axis=-1).min(axis=1)
            lengths.append(apart * sample.micrograph.frame.known_pixel_size())
            parts.append(lengths[-1] / sample.diameter)
    if not lengths:
        return float("nan"), float("nan")
    return float(np.median(np.concatenate(lengths))), float(np.median(np.concatenate(parts)))
