"""Train the window classifier on a data set's own micrographs."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

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
from napari_drpnet.pickers.deepcryo.examples import Examples, Scene, choose, scene
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
# Part of the whole that gathering examples takes.
_GATHERING = 0.5

Told = tuple[float, str]


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

    def shown(step: Told | None) -> Told:
        nonlocal latest
        if step is not None:
            latest = step[0], step[1] + _left(step[0], time.monotonic() - begun)
        return latest

    with ThreadPoolExecutor(1) as aside:
        return (yield from translate(attended(_learn(settings, micrographs, recipe), aside), shown))


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
    loss, told = partial(window_loss, soft=recipe.soft), _train_settings(settings, recipe.average)
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
    """Some of the micrographs, clustered; those that cannot be used are left out."""
    step = max(1, -(-len(micrographs) // settings.micrographs))
    some, scenes = micrographs[::step], list[Scene]()
    reasons: list[UserError] = []
    for number, read in enumerate(some):
        yield _GATHERING * number / len(some), f"looking for particles to learn from, {number + 1} of {len(some)}"
        try:
            scenes.append(scene(read(), len(scenes), settings, diameter))
        except UserError as error:
            reasons.append(error)
    if not scenes:
        raise reasons[0] if reasons else UserError("There is no micrograph to learn from.", "Give some.")
    return scenes


def _training(step: Step) -> Told:
    fraction = _GATHERING + (1 - _GATHERING) * step.done / step.total
    return fraction, f"learning, step {step.done} of {step.total}, loss {step.loss:.2f}"


def _train_settings(settings: DeepCryoPickerSettings, average: float) -> TrainSettings:
    return TrainSettings(
        training=(TrainingSet(micrographs="clustered"),),
        steps=settings.steps,
        batch=settings.batch,
        rate=settings.rate,
        average=average,
        check_every=settings.steps,
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
        self.half, self.places, self.recipe = view // 2, examples.places, recipe
        self.jitter = recipe.jitter * diameter
        self.images = [np.pad(image, self.half, mode="symmetric") for image in examples.images]

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Windows ``(n, 1, view, view)`` and their classes ``(n,)``, half of them background."""
        shapes = len(self.places) - 1
        classes = np.where(np.arange(n) % 2, 1 + rng.integers(shapes, size=n), 0)
        windows = np.stack([self._window(self.places[c], rng) for c in classes])
        tensor = torch.from_numpy(windows)[:, None].contiguous(memory_format=torch.channels_last)
        return Batch((tensor, torch.from_numpy(classes)))

    def plain(self, places: FloatArray) -> torch.Tensor:
        """Windows at places ``(n, 4)`` as they are, ``(n, 1, view, view)``."""
        return torch.from_numpy(np.stack([self._cut(place, np.zeros(2)) for place in places]))[:, None]

    def _cut(self, place: FloatArray, shift: FloatArray) -> ImageArray:
        number, *yx, quarter = place
        image = self.images[int(number)]
        shape = np.array(image.shape) - 2 * self.half
        y, x = np.clip(np.rint(yx + shift).astype(int), 0, shape - 1)
        window = image[y : y + 2 * self.half + 1, x : x + 2 * self.half + 1]
        return np.ascontiguousarray(np.rot90(window.astype(np.float32), quarter))

    def _window(self, places: FloatArray, rng: np.random.Generator) -> ImageArray:
        window = self._cut(places[rng.integers(len(places))], rng.normal(0, self.jitter, 2))
        if self.recipe.blur:
            window = ndimage.gaussian_filter(window, rng.uniform(0, self.recipe.blur), radius=int(rng.integers(1, 3)))
        spread, shift = self.recipe.contrast, self.recipe.brightness
        contrast, brightness = np.exp(rng.uniform(-spread, spread)), rng.uniform(-shift, shift)
        return np.asarray(window[:, :: rng.choice([-1, 1])] * contrast + brightness, np.float32)


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
