"""Places on a micrograph that a harvest cuts patches of particles and of background from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from napari_drpnet import candidates
from napari_drpnet.data import FloatArray, MaskArray, PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.jobs.levels import Levels
from napari_drpnet.jobs.retrain.scored import ScoredMicrograph
from napari_drpnet.labels import near
from napari_drpnet.regions import covered
from napari_drpnet.settings import HarvestSettings
from napari_drpnet.training.labels.patches import (
    AGREE,
    APART,
    DIAMETER,
    agreement,
    by_confidence,
    covered_places,
    scattered,
)

# So many candidates that are no particles for each particle: of a complete micrograph the likeliest, of those that
# evidence speaks against any.
_HARD = 2
# Where particles may be unlabelled, background is where the map is lowest: of so many times as many random places, and
# at most this part of those that are away from all that may be a particle.
_CHOICE, _LOWEST = 6, 4
# What only a picker with levels of confidence is told.
_OF_LEVELS = ("positive_sigma", "positive_height", "negative_sigma", "negative_height")
# Percentile of the detector's map that stands for the height of a clear particle on this micrograph, and the least
# height of a maximum.
_CLEAR, _FLAT = 99.5, 1e-3


@dataclass(frozen=True, eq=False)
class Places:
    """Places on a micrograph, in its pixels, of one label and one origin."""

    yx: FloatArray
    particle: bool
    origin: str


@dataclass(frozen=True, eq=False)
class Part:
    """The patches of one micrograph, the diameter of its particles in its pixels, and its candidates a level."""

    patches: PatchSet
    diameter: float
    levels: Levels | None = None


def part_of(seen: ScoredMicrograph, settings: HarvestSettings) -> Part:
    """The patches of one micrograph, by a source that is not ``auto``.

    Raises
    ------
    UserError
        When its pixel size is not known.
    """
    # Every micrograph has randomness of its own, whichever others there are.
    rng = np.random.default_rng([settings.seed, *seen.labelled.name.encode("utf-8", "surrogateescape")])
    places = _BY[settings.source](seen, settings, rng)
    places = [group for group in places if len(group.yx)]
    yx = np.concatenate([np.empty((0, 2)), *(group.yx for group in places)])
    sizes = [len(group.yx) for group in places]
    patches = PatchSet(
        seen.patches(yx),
        seen.diameter / DIAMETER,
        seen.diameter,
        np.repeat([group.particle for group in places], sizes),
        np.array(seen.labelled.name),
        yx,
        origin=np.repeat([group.origin for group in places], sizes),
        score=_scores(seen, yx),
        grey=seen.grey,
    )
    return Part(patches, seen.pixels, seen.picker.levels(seen.map))


def _scores(seen: ScoredMicrograph, yx: FloatArray) -> FloatArray:
    """Probability of the candidate at each place; NaN where there is none."""
    found = seen.map.candidates
    if not len(found) or not len(yx):
        return np.full(len(yx), np.nan)
    distance, nearest = cKDTree(found.yx).query(yx)
    return np.where(distance <= seen.pixels / 4, found.probability[nearest], np.nan)


def _by_labels(seen: ScoredMicrograph, settings: HarvestSettings, rng: np.random.Generator) -> list[Places]:
    told = seen.labelled
    places = [Places(told.particles, True, "label"), Places(told.background, False, "label")]
    if told.complete:
        found = seen.candidates
        free = ~near(found.yx, np.concatenate([told.particles, told.background]), APART * seen.pixels)
        hardest = np.flatnonzero(free)[np.argsort(-found.probability[free], kind="stable")]
        hardest = hardest[: _HARD * len(told.particles) + settings.random]
        places.append(Places(found.yx[hardest], False, "candidate"))
    taken = told.particles if told.complete else np.concatenate([told.particles, _likely(seen, settings)])
    return [*places, *_elsewhere(seen, settings, taken, rng)]


def _by_agreement(seen: ScoredMicrograph, settings: HarvestSettings, rng: np.random.Generator) -> list[Places]:
    sets = [picks.yx[picks.label != "background"] for picks in seen.labelled.sets]
    shared, alone = agreement(sets, AGREE * seen.pixels)
    places = [Places(shared, True, "agreement")]
    if settings.difference:
        places.append(Places(alone, False, "difference"))
    taken = np.concatenate([*sets, _likely(seen, settings)])
    return [*places, *_elsewhere(seen, settings, taken, rng)]


def _by_confidence(seen: ScoredMicrograph, settings: HarvestSettings, rng: np.random.Generator) -> list[Places]:
    yx, high, low = _maxima(seen, settings)
    inside = candidates.inside(yx, seen.shape, seen.pixels / 2) & ~_contaminated(seen, yx)
    yx, high, low = yx[inside], high[inside], low[inside]
    sure, unsure, flat = by_confidence(yx, high, low, seen.patches(yx), seen.pixels, settings)
    places = [
        Places(yx[sure], True, "level"), Places(yx[unsure], False, "level"), Places(yx[flat], False, "deviation")
    ]  # fmt: skip
    taken = np.concatenate([yx[~low], _likely(seen, settings)])
    return [*places, *_elsewhere(seen, settings, taken, rng)]


def _maxima(seen: ScoredMicrograph, settings: HarvestSettings) -> tuple[FloatArray, MaskArray, MaskArray]:
    """Maxima of the map ``(n, 2)`` in micrograph pixels, which are sure to be particles, and which to be none."""
    sure = seen.picker.maxima(seen.map, 3, settings.positive_sigma, settings.positive_height)
    unsure = seen.picker.maxima(seen.map, 1, settings.negative_sigma, settings.negative_height)
    if sure is not None and unsure is not None:
        high = np.arange(len(sure) + len(unsure)) < len(sure)
        return np.concatenate([sure, unsure]), high, ~high
    if told := [name for name in _OF_LEVELS if getattr(settings, name) is not None]:
        raise UserError(
            f"The candidates of the picker {seen.picker.name} have no levels of confidence.",
            f"Leave out {', '.join(told)}, or choose another picker.",
        )
    if seen.map.values is None:
        raise UserError("This picker has no score map that would tell how sure it is.", "Harvest by another source.")
    clear = float(np.percentile(seen.map.values, _CLEAR))
    yx, _, level = candidates.find(seen.map.values, max(settings.height * clear, _FLAT))
    return seen.map.frame.to_micrograph(yx), level >= 3, level == 1


def _by_evidence(seen: ScoredMicrograph, settings: HarvestSettings, rng: np.random.Generator) -> list[Places]:
    """By the probabilities that the data set's evidence gives, which `proved.believed` has put into the map."""
    told, found = seen.labelled, seen.candidates
    within = candidates.inside(found.yx, seen.shape, seen.pixels / 2)
    refuted = found.probability <= settings.refuted
    kept = (found.probability >= settings.proved) & ~_contaminated(seen, found.yx)
    proved = kept & within & ~near(found.yx, told.background, AGREE * seen.pixels)
    open_ = np.concatenate([found.yx[~refuted], told.particles])
    wrong = np.flatnonzero(refuted & within & ~near(found.yx, open_, APART * seen.pixels))
    most = _HARD * int(proved.sum()) + settings.random
    wrong = np.sort(rng.permutation(wrong)[:most])
    places = [Places(found.yx[proved], True, "proved"), Places(found.yx[wrong], False, "refuted")]
    return [*places, *_elsewhere(seen, settings, np.concatenate([open_, _likely(seen, settings)]), rng)]


def _likely(seen: ScoredMicrograph, settings: HarvestSettings) -> FloatArray:
    """Candidates that may be particles, whatever was labelled; those in a painted region are none."""
    found = seen.map.candidates
    yx = found.yx[found.probability >= settings.likely]
    return yx[~_contaminated(seen, yx)]


def _height(seen: ScoredMicrograph, yx: FloatArray) -> FloatArray:
    """How high the picker's map is at each place; 0 where all particles are known, or there is no map."""
    values = seen.map.values
    if seen.labelled.complete or values is None or not len(yx):
        return np.zeros(len(yx))
    at = np.clip(np.rint(seen.map.frame.from_micrograph(yx)).astype(int), 0, np.array(values.shape) - 1)
    return np.asarray(values[at[:, 0], at[:, 1]], np.float64)


def _contaminated(seen: ScoredMicrograph, yx: FloatArray) -> MaskArray:
    if seen.labelled.region is None or not len(yx):
        return np.zeros(len(yx), bool)
    return covered(yx, seen.frame, seen.labelled.region)


def _elsewhere(
    seen: ScoredMicrograph, settings: HarvestSettings, taken: FloatArray, rng: np.random.Generator
) -> list[Places]:
    """Background that nobody pointed at: random places, and such in the painted regions."""
    most = settings.random if seen.labelled.complete else _CHOICE * settings.random
    places = scattered(rng, seen.shape, seen.pixels / 2, taken, APART * seen.pixels, most)
    fewest = settings.random if seen.labelled.complete else min(settings.random, len(places) // _LOWEST)
    places = places[np.argsort(_height(seen, places), kind="stable")[:fewest]]
    groups = [Places(places, False, "random")]
    if settings.regions and seen.labelled.region is not None:
        painted = covered_places(rng, seen.labelled.region, seen.shape, max(settings.random, 1))
        groups.append(Places(painted, False, "region"))
    return groups


_BY = {"labels": _by_labels, "agreement": _by_agreement, "confidence": _by_confidence, "evidence": _by_evidence}
