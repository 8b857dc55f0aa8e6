"""Train the window classifier on a data set's own micrographs."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional as F

from napari_drpnet.data import FloatArray, ImageArray, Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import WeightsCard
from napari_drpnet.networks import AlexNet, channels_last
from napari_drpnet.networks.alexnet import MARGIN
from napari_drpnet.pickers.deepcryo.examples import Bytes, Examples, Scene, choose, good_particles, scene, shown
from napari_drpnet.pickers.deepcryo.recipe import OURS, Recipe
from napari_drpnet.settings import DeepCryoPickerSettings, TrainingSet, TrainSettings
from napari_drpnet.steps import attended, translate
from napari_drpnet.training_loop.batches import Batch, Tensors
from napari_drpnet.training_loop.fit import Step, fit

# Of a particle in parts of the window, which is "slightly larger".
_FILLED = 0.85
# Slope and offset from the logit of a window to the probability of a particle: the classifier's own odds. Those fitted
# on simulated sets, with how high the map lies or without, were no better on the next set.
_CALIBRATION = (1.0, 0.0)
# Seconds before which nothing is said of how long it will take.
_SOON = 2.0
# Windows that are classified at once.
_AT_ONCE = 50
# With so many good particles, from so many micrographs at least, more of them teach nothing new.
_ENOUGH, _FEWEST = 150, 2
# Part of the whole that gathering examples takes.
_GATHERING = 0.5

Told = tuple[float, str]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class LearntNetwork:
    """A trained classifier and what its weights file will say of it."""

    card: WeightsCard
    network: nn.Module


def learn_steps(
    settings: DeepCryoPickerSettings, micrographs: Sequence[Callable[[], Micrograph]], recipe: Recipe = OURS
) -> Generator[Told, None, LearntNetwork]:
    """Cluster some of the micrographs, choose good particles, and train a classifier on them.

    Parameters
    ----------
    settings
        How.
    micrographs
        Each reads one when called.
    recipe
        What the settings do not say of the training.

    Yields
    ------
    tuple
        The fraction done and what is being done, at least every 0.3 s.

    Raises
    ------
    UserError
        When no micrograph can be used, or there is nothing in them to learn from.
    """
    latest, begun = (0.0, "looking for particles to learn from"), time.monotonic()

    def latest_of(step: Told | None) -> Told:
        nonlocal latest
        if step is not None:
            latest = step[0], step[1] + _left(step[0], time.monotonic() - begun)
        return latest

    with ThreadPoolExecutor(1) as aside:
        return (yield from translate(attended(_learn(settings, micrographs, recipe), aside), latest_of))


def _left(fraction: float, elapsed: float) -> str:
    """How many seconds are left when so much is done after so many; nothing where that is not known yet."""
    if not 0 < fraction < 1 or elapsed < _SOON:
        return ""
    return f", about {elapsed / fraction * (1 - fraction):.0f} s left"


def _learn(
    settings: DeepCryoPickerSettings, micrographs: Sequence[Callable[[], Micrograph]], recipe: Recipe
) -> Generator[Told, None, LearntNetwork]:
    diameter = _FILLED * settings.window
    scenes = yield from _gathered(settings, micrographs, diameter)
    examples = choose(scenes, settings, diameter)
    torch.manual_seed(settings.seed)
    options = {
        "side": settings.window,
        "percent": round(100 * settings.width),
        "classes": len(examples.places),
        "dense": settings.dense,
    }
    network = channels_last(AlexNet(**options))
    draw = Windows(examples, settings.window + 2 * MARGIN, diameter, recipe)
    loss, told = partial(window_loss, soft=recipe.soft), _train_settings(settings, recipe.average, len(examples.shapes))
    steps = fit(network, draw.batch, loss, told, report_every=1, optimise=recipe.optimise)
    fitted = yield from translate(steps, _training)
    yield 1.0, accuracy(fitted.network, draw, examples.held_out)
    card = WeightsCard(
        network="alexnet",
        role="window classifier",
        diameter=diameter,
        calibration=_CALIBRATION,
        options=options,
        classes=examples.shapes,
    )
    return LearntNetwork(card, fitted.network)


def _gathered(
    settings: DeepCryoPickerSettings, micrographs: Sequence[Callable[[], Micrograph]], diameter: float
) -> Generator[Told, None, list[Scene]]:
    """Some of the micrographs, clustered, until they are enough; those that cannot be used are left out."""
    some = spread(micrographs, settings.micrographs)
    scenes, reasons, done = list[Scene](), list[UserError](), 0.0
    for number, read in enumerate(some):
        yield _GATHERING * done, f"looking for particles to learn from, {number + 1} of at most {len(some)}"
        try:
            scenes.append(scene(read(), len(scenes), settings, diameter))
        except UserError as error:
            reasons.append(error)
        good = sum(map(len, good_particles(scenes, settings.shape).values())) if scenes else 0
        done = max(done, (number + 1) / len(some), min(good / _ENOUGH, len(scenes) / _FEWEST, 1.0))
        if done == 1:
            break
    if not scenes:
        raise reasons[0] if reasons else UserError("There is no micrograph to learn from.", "Give some.")
    return scenes


def spread(micrographs: Sequence[T], most: int) -> list[T]:
    """So many of a data set at most, evenly spread over it, in an order in which the first few are so, too."""
    some = list(micrographs[:: max(1, -(-len(micrographs) // most))])
    # Multiples of the golden ratio, less whole numbers, fill the line from 0 to 1 evenly at any time.
    place = np.arange(len(some)) * (np.sqrt(5) - 1) / 2 % 1
    return [some[i] for i in place.argsort().argsort()]


def _training(step: Step) -> Told:
    fraction = _GATHERING + (1 - _GATHERING) * step.done / step.total
    return fraction, f"learning, step {step.done} of {step.total}, loss {step.loss:.2f}"


def _train_settings(settings: DeepCryoPickerSettings, average: float, shapes: int) -> TrainSettings:
    # To tell shapes from each other takes longer than to tell them from background.
    steps = settings.steps * shapes
    return TrainSettings(
        training=(TrainingSet(micrographs="clustered"),),
        steps=steps,
        batch=settings.batch,
        rate=settings.rate,
        average=average,
        check_every=steps,
        seed=settings.seed,
        # In 16 bits a step of so small a network is slower.
        precision="full" if settings.width < 1 else "auto",
        device=settings.device,
    )


class Windows:
    """Random windows of examples, as often of one class as of the other.

    Parameters
    ----------
    examples
        Images and places.
    view
        Side of what the network sees, odd.
    diameter
        Of a particle in pixels.
    recipe
        How windows are varied.
    """

    def __init__(self, examples: Examples, view: int, diameter: float, recipe: Recipe) -> None:
        self.half, self.recipe = view // 2, recipe
        self.places, self.shapes = examples.places, len(examples.shapes)
        self.jitter = recipe.jitter * diameter
        self.images = [np.pad(image, self.half, mode="symmetric") for image in examples.images]

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Windows ``(n, 1, view, view)`` and their classes ``(n,)``, half of them no particles."""
        first, end = len(self.places) - self.shapes, len(self.places)
        classes = np.where(np.arange(n) % 2, rng.integers(first, end, size=n), rng.integers(first, size=n))
        windows = np.empty((n, 1, 2 * self.half + 1, 2 * self.half + 1), np.float32)
        for window, c in zip(windows[:, 0], classes, strict=True):
            self._draw(window, self.places[c], rng)
        tensor = torch.from_numpy(windows).contiguous(memory_format=torch.channels_last)
        return Batch((tensor, torch.from_numpy(classes)))

    def plain(self, places: FloatArray) -> torch.Tensor:
        """Windows at places ``(n, 4)`` as they are, ``(n, 1, view, view)``."""
        windows = np.stack([self._cut(place, np.zeros(2)) for place in places])
        return torch.from_numpy(shown(windows))[:, None]

    def _cut(self, place: FloatArray, shift: FloatArray) -> Bytes:
        number, *yx, quarter = place
        image = self.images[int(number)]
        shape = np.array(image.shape) - 2 * self.half
        y, x = np.clip(np.rint(yx + shift).astype(int), 0, shape - 1)
        return np.rot90(image[y : y + 2 * self.half + 1, x : x + 2 * self.half + 1], int(quarter))

    def _draw(self, window: ImageArray, places: FloatArray, rng: np.random.Generator) -> None:
        """Write one varied window in place: new arrays for each would take longer than the step that learns from it."""
        cut = self._cut(places[rng.integers(len(places))], rng.normal(0, self.jitter, 2))
        spread, shift = self.recipe.contrast, self.recipe.brightness
        contrast, brightness = np.exp(rng.uniform(-spread, spread)), rng.uniform(-shift, shift)
        np.multiply(cut[:, :: rng.choice([-1, 1])], np.float32(contrast / 255), out=window)
        window += np.float32(brightness - contrast / 2)
        if self.recipe.blur:
            sigma, radius = rng.uniform(0, self.recipe.blur), int(rng.integers(1, 3))
            window[:] = ndimage.gaussian_filter(window, sigma, radius=radius)


def window_loss(network: nn.Module, batch: Tensors, soft: float) -> torch.Tensor:
    """Cross-entropy of windows of one cell each (equation 10), with softened labels."""
    windows, classes = batch
    return F.cross_entropy(network(windows)[:, :, 0, 0].float(), classes, label_smoothing=soft)


@torch.inference_mode()
def accuracy(network: nn.Module, draw: Windows, held_out: Sequence[FloatArray]) -> str:
    """How many of the examples that were not learnt from are put into their class, in a sentence.

    Parameters
    ----------
    network
        In evaluation mode, on the CPU.
    draw
        Cuts windows.
    held_out
        For each class ``(n, 4)``, see `Examples`. Classes count alike.
    """
    if not all(len(places) for places in held_out):
        return "learnt; too few examples to hold some out"
    right = [_right(network, draw, number, places) for number, places in enumerate(held_out)]
    total = sum(len(places) for places in held_out)
    return f"learnt; of {total} examples held out, {100 * np.mean(right):.1f} % are put into the right class"


def _right(network: nn.Module, draw: Windows, number: int, places: FloatArray) -> float:
    """The part of the windows at places ``(n, 4)`` that are taken for the class of this number."""
    parts = np.array_split(places, -(-len(places) // _AT_ONCE))
    said = [network(draw.plain(part))[:, :, 0, 0].argmax(1) for part in parts]
    return float((torch.cat(said) == number).float().mean())
