"""DeepCryoPicker: learns from a data set's own micrographs, without labels, and slides a classifier over them.

Al-Azzawi, Ouadou, Max, Duan, Tanner, Cheng, "DeepCryoPicker: fully automated deep neural network for single protein
particle picking in cryo-EM", BMC Bioinformatics 21:509 (2020).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import expit

from napari_drpnet import devices, tiling
from napari_drpnet.data import Candidates, ImageArray, MaskArray, Micrograph, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import write_weights
from napari_drpnet.networks import AlexNet, channels_last
from napari_drpnet.networks.alexnet import SlidingWindow
from napari_drpnet.pickers.context import calibrated
from napari_drpnet.pickers.deepcryo.boxes import best_boxes
from napari_drpnet.pickers.deepcryo.learning import LearntNetwork, learn_steps
from napari_drpnet.pickers.deepcryo.recipe import OURS, PAPER, Recipe
from napari_drpnet.pickers.network import load_network
from napari_drpnet.pickers.seen import check_size, nearest_pixels, network_image, on_good_pixels
from napari_drpnet.settings import DeepCryoPickerPaperSettings, DeepCryoPickerSettings
from napari_drpnet.steps import translate

# Smoothing of the map, in particle diameters: the score of one window is noisy.
_SMOOTHING = 0.06
# Windows of a lower logit are no candidates.
_FLOOR = -4.0
# Candidates nearer to each other than this, in diameters, are one at any setting.
_CLOSEST = 0.4
# Class numbers of picks: top views are round, side views square.
_NUMBERS = {"round": 1, "square": 2, "irregular": 3}
# Part of the work that learning takes where a micrograph has to be learnt from first.
_LEARNING = 0.9


class DeepCryoPicker:
    """Learns from the micrographs themselves, without labels, and then picks them.

    Parameters
    ----------
    settings
        Diameter, how to learn, or the weights that it saved after learning.

    Raises
    ------
    UserError
        When the device is not there, or the weights cannot be used.
    """

    name: ClassVar[str] = "deepcryopicker"
    many_at_once: ClassVar[bool] = True
    settings_class: ClassVar[type[DeepCryoPickerSettings]] = DeepCryoPickerSettings
    recipe: ClassVar[Recipe] = OURS

    def __init__(self, settings: DeepCryoPickerSettings) -> None:
        self.settings = settings
        self.device = devices.choose(settings.device)
        self._learnt: LearntNetwork | None = None
        if settings.weights is not None:
            self._learnt = LearntNetwork(*load_network(settings.weights, "window classifier", self.device))

    @property
    def ready(self) -> bool:
        """Whether it has learnt, now or before."""
        return self._learnt is not None

    def learn_steps(self, micrographs: Sequence[Callable[[], Micrograph]]) -> Generator[tuple[float, str], None, None]:
        """Learn from some of the micrographs, yielding the fraction done and what is being done.

        Raises
        ------
        UserError
            When no micrograph can be used, or there is nothing in them to learn from.
        """
        learnt = yield from learn_steps(self.settings, micrographs, self.recipe)
        self._learnt = LearntNetwork(learnt.card, channels_last(learnt.network).to(self.device))

    def save(self, path: Path) -> Path:
        """Write what was learnt as a weights file, for the setting ``weights``.

        Raises
        ------
        UserError
            When nothing was learnt, or the file cannot be written.
        """
        if self._learnt is None:
            raise UserError("DeepCryoPicker has learnt nothing that could be saved.", "Let it learn or pick first.")
        return write_weights(path, self._learnt.card, self._learnt.network.state_dict())

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """The map of one micrograph and every candidate, yielding the fraction done.

        If it has not learnt yet, it learns from this one micrograph first, and keeps that for the next.

        Raises
        ------
        UserError
            When the diameter does not fit the image, the pixel size is unknown, the image is constant, or there is
            nothing to learn from.
        """
        check_size(micrograph, self.settings.diameter)
        begun = 0.0 if self.ready else _LEARNING
        if not self.ready:
            yield from translate(self.learn_steps([lambda: micrograph]), lambda step: _LEARNING * step[0])
        yield begun
        return (yield from translate(self._scan(micrograph), lambda part: begun + (1 - begun) * part))

    def _scan(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """Slide the window over a micrograph: the probability of one in each place, and the best boxes."""
        assert self._learnt is not None
        card, network = self._learnt.card, cast(AlexNet, self._learnt.network)
        prepared = network_image(
            micrograph, self.settings.diameter, card.diameter, self.settings.invert, add_noise=False
        )
        # Where an earlier version did not name the shapes, all classes but the first are.
        window = SlidingWindow(network, self.settings.step, len(card.classes) or card.options["classes"] - 1).eval()
        steps = tiling.channel_steps(window, prepared.image, self.device, self.settings.memory)
        logits, *shapes = yield from translate(steps, lambda part: 0.9 * part)
        across = card.diameter / window.stride
        smoothed: ImageArray = ndimage.gaussian_filter(logits, _SMOOTHING * across, truncate=3.0)
        values = np.asarray(expit(smoothed), np.float32)
        box = network.side / window.stride
        yx, peak, level = best_boxes(smoothed, box, self.settings.overlap, _CLOSEST * across, _FLOOR)
        frame = prepared.frame.rescaled(1 / window.stride)
        pixels = nearest_pixels(yx, values.shape)
        usable = ~self._too_large(values, across)[pixels]
        usable &= on_good_pixels((yx + 0.5) * window.stride, prepared.valid)
        # A window's centre lies half a pixel after that of the pixels its map pixel stands for.
        place = frame.to_micrograph(yx[usable] + 0.5 / window.stride)
        peak, probability = expit(peak[usable]), calibrated(card.calibration, peak[usable])
        number = _class_numbers(card.classes, np.stack(shapes)[:, *pixels][:, usable])
        return ScoreMap(values, frame, Candidates(place, peak, level[usable], probability, class_number=number))

    def _too_large(self, values: ImageArray, across: float) -> MaskArray:
        """Where connected areas of the map are larger than the settings allow a group of particles to be."""
        areas, _ = ndimage.label(values > 0.5)
        size = np.bincount(areas.ravel())
        size[0] = 0
        too_large: MaskArray = (size > self.settings.largest * np.pi / 4 * across**2)[areas]
        return too_large


class DeepCryoPickerPaper(DeepCryoPicker):
    """DeepCryoPicker trained as published: AlexNet at full size, plain descent, 20 epochs. For a graphics card.

    See `DeepCryoPicker`, of which it differs in the defaults of its settings and in its recipe.
    """

    name: ClassVar[str] = "deepcryopicker-paper"
    settings_class: ClassVar[type[DeepCryoPickerSettings]] = DeepCryoPickerPaperSettings
    recipe: ClassVar[Recipe] = PAPER


def _class_numbers(classes: tuple[str, ...], logits: ImageArray) -> npt.NDArray[np.int64]:
    """Number of the likeliest shape from its logits ``(shapes, n)``, ``(n,)``; 0 where the card does not name it."""
    names = [*classes, *[""] * len(logits)]
    numbers = np.array([_NUMBERS.get(name, 0) for name in names], np.int64)
    return np.asarray(numbers[logits.argmax(axis=0)])
