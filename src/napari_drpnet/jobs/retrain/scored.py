"""Labelled micrographs as a picker sees them: its candidates, its map, and the image at the scale of patches."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_drpnet.candidates import crop
from napari_drpnet.data import Candidates, FloatArray, Frame, ImageArray, Micrograph, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph
from napari_drpnet.networks import Classifier
from napari_drpnet.pickers.protocol.correction import logits
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.seen import network_image
from napari_drpnet.settings import Grey
from napari_drpnet.steps import Job, Progress, translate, within
from napari_drpnet.training.labels.judged import JudgedCandidates, judge
from napari_drpnet.training.labels.patches import DIAMETER, patch_grey

Stage = Literal["detect", "train", "judge"]


@dataclass(frozen=True)
class TrainProgress(Progress):
    """How far retraining is.

    Attributes
    ----------
    loss
        Mean since the last step that was told; NaN before training.
    f1
        Validation F1 where it was measured at this step.
    seconds_left
        To the end of this stage; None where that cannot be told yet.
    stage
        Looking at the labelled micrographs, training, or judging what came of it.
    """

    loss: float = float("nan")
    f1: float | None = None
    seconds_left: float | None = None
    stage: Stage = "detect"


@dataclass(frozen=True, eq=False)
class ScoredMicrograph:
    """A labelled micrograph as the picker scored it.

    Attributes
    ----------
    labelled
        The micrograph, and what is said about its particles.
    frame
        Of the micrograph.
    diameter
        Of its particles, in Angstrom.
    map
        The picker's, with its candidates.
    image
        The micrograph at the scale of the patches, in 16 bits to save memory.
    image_frame
        Of that image.
    picker
        That scored it.
    grey
        How the grey levels of the image were brought to a network.
    """

    labelled: LabelledMicrograph
    frame: Frame
    diameter: float
    map: ScoreMap
    image: npt.NDArray[np.float16]
    image_frame: Frame
    picker: LoadedPicker
    grey: Grey

    @property
    def shape(self) -> tuple[int, int]:
        """``(h, w)`` of the micrograph."""
        assert self.frame.shape is not None, "it was read from a file"
        return self.frame.shape

    @property
    def pixels(self) -> float:
        """The particles' diameter in micrograph pixels."""
        return self.frame.micrograph_pixels(self.diameter)

    @property
    def candidates(self) -> Candidates:
        """What may be a pick at the usual distance."""
        return usual_candidates(self.map)

    @property
    def judged(self) -> JudgedCandidates:
        """The candidates with what the labels say about them."""
        return judged_map(self.labelled, self.map, self.shape, self.pixels / 2)

    def patches(self, yx: FloatArray) -> ImageArray:
        """``(n, 64, 64)`` patches around places in micrograph pixels."""
        if not len(yx):
            return np.empty((0, Classifier.patch, Classifier.patch), np.float32)
        return crop(self.image.astype(np.float32), self.image_frame.from_micrograph(yx), Classifier.patch)


def usual_candidates(score_map: ScoreMap) -> Candidates:
    """What may be a pick at the usual distance."""
    every = score_map.candidates
    keep = every.level > 1
    return Candidates(every.yx[keep], every.detection[keep], every.level[keep], every.probability[keep])


def judged_map(
    labelled: LabelledMicrograph, score_map: ScoreMap, shape: tuple[int, int], reach: float
) -> JudgedCandidates:
    """The candidates of a map with what a person said about them; ``shape`` and ``reach`` in micrograph pixels."""
    found = usual_candidates(score_map)
    return judge(
        labelled.name,
        found.yx,
        logits(found.probability),
        labelled.particles,
        labelled.background,
        reach,
        shape,
        labelled.complete,
        None if labelled.picked is None else float(logits(np.array(labelled.picked))),
    )


def score_labelled(
    one: LabelledMicrograph, picker: LoadedPicker, grey: Grey | None = None
) -> Generator[float, None, ScoredMicrograph]:
    """See one labelled micrograph as a picker does, yielding the fraction done.

    ``grey``: how grey levels are brought to the network that is to learn from its image; None: as to the shipped
    classifier.

    Raises
    ------
    UserError
        When it cannot be read or picked, or nobody knows how large its particles are.
    """
    return (yield from score_read(one, one.read(), picker, grey))


def score_read(
    one: LabelledMicrograph, micrograph: Micrograph, picker: LoadedPicker, grey: Grey | None = None
) -> Generator[float, None, ScoredMicrograph]:
    """`score_labelled`, of a micrograph that was read already."""
    score_map = yield from picker.score_steps(micrograph)
    diameter = picker.settings.diameter or _found_diameter(score_map)
    grey = grey or patch_grey()
    seen = network_image(micrograph, diameter, DIAMETER, picker.settings.invert, grey)
    image = seen.image.astype(np.float16)
    return ScoredMicrograph(one, micrograph.frame, diameter, score_map, image, seen.frame, picker, grey)


def _found_diameter(score_map: ScoreMap) -> float:
    """In Angstrom, of a picker that finds it out."""
    found = score_map.usual_diameter()
    if found is None:
        raise UserError("The diameter of the particle is not known.", "Give it in Angstrom.")
    return found * score_map.frame.known_pixel_size()


def score_all(
    picker: LoadedPicker, micrographs: Sequence[LabelledMicrograph], notes: list[str], grey: Grey | None = None
) -> Job[list[ScoredMicrograph]]:
    """See labelled micrographs as a picker does; those that cannot be read are left out, with a note each.

    ``grey``: as for `score_labelled`.

    Raises
    ------
    UserError
        When none can be read.
    """
    seen: list[ScoredMicrograph] = []
    begun = time.monotonic()
    for done, one in enumerate(micrographs):
        left = (time.monotonic() - begun) / done * (len(micrographs) - done) if done else None
        here = TrainProgress(done, len(micrographs), message=one.name, seconds_left=left)
        yield here
        try:
            seen.append((yield from translate(score_labelled(one, picker, grey), within(here))))
        except UserError as error:
            notes.append(f"{one.name} is left out: {error}")
    if not seen:
        raise UserError(f"No labelled micrograph can be read. {' '.join(notes)}", "Check where the micrographs are.")
    return seen
