"""What every picker with a network does: prepare the image, load the weights, turn scores into probabilities."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from scipy.special import expit
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_drpnet import devices
from napari_drpnet.candidates import IndexArray, crop
from napari_drpnet.data import FloatArray, ImageArray, MaskArray, Micrograph
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.weights import WeightsCard, read_weights, sound
from napari_drpnet.networks import channels_last, with_tensors
from napari_drpnet.pickers.contrast import within_noise
from napari_drpnet.preprocess import evened, finished
from napari_drpnet.settings import PreprocessSettings

# Smoothing of the micrograph, in particle diameters: at 32 px the authors' sigma of 2.
BLUR = 0.05
# Wide Gaussian of the illumination correction, in particle diameters.
ILLUMINATION = 3.0
# Fewer pixels across show no particle.
_SMALLEST = 4
_BATCH = 128
_ANEW = "Copy or train them anew."
# What a network's own calibration has: a slope for each of its terms, and the offset.
_COEFFICIENTS = {"detector": 4, "classifier": 5, "segmenter": 4, "centre detector": 2, "window classifier": 2}
# Diameters, in network pixels, that a network can have been trained at.
_DIAMETERS = (4, 1000)


def network_image(
    micrograph: Micrograph, diameter: float, network_diameter: float, invert: bool, add_noise: bool = True
) -> Micrograph:
    """The micrograph as our networks see it, in training as in picking.

    Bad pixels replaced, rescaled so that a particle of ``diameter`` Angstrom spans ``network_diameter`` working pixels,
    illumination evened out, noise added where the particles are too clear (`contrast.within_noise`; not with
    ``add_noise`` False, for pickers that find clear particles as they are), fine noise smoothed, grey levels between
    the 1st and 99th percentile brought to -0.5..0.5, particles dark.
    """
    scale = network_diameter / micrograph.frame.working_pixels(diameter)
    steps = PreprocessSettings(
        rescale=scale, illumination=ILLUMINATION * diameter, smoothing=BLUR * diameter, invert=invert
    )
    even = evened(micrograph, steps)
    if add_noise:
        even = replace(even, image=within_noise(even.image, network_diameter, BLUR * network_diameter, even.valid))
    prepared = finished(even, steps)
    return replace(prepared, image=prepared.image - np.float32(0.5))


def fold(network: nn.Module) -> nn.Module:
    """The same function with every batch norm folded into the convolution before it."""
    for child in network.children():
        fold(child)
    if isinstance(network, nn.Sequential):
        for i, (a, b) in enumerate(zip(list(network), list(network)[1:], strict=False)):
            if isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d):
                network[i], network[i + 1] = fuse_conv_bn_eval(a, b), nn.Identity()
    return network


def load_network(name: str, role: str, device: torch.device) -> tuple[WeightsCard, nn.Module]:
    """A trained network, ready to run on ``device``.

    Raises
    ------
    UserError
        When the weights are missing, damaged, of another role or network, or their card says what cannot be.
    """
    card, tensors = read_weights(name)
    if card.role != role:
        raise UserError(f"The weights {short(name)} are a {cut(card.role, 30)}, not a {role}.", f"Choose a {role}.")
    least, most = _DIAMETERS
    if len(card.calibration) != _COEFFICIENTS.get(role, len(card.calibration)) or not least <= card.diameter <= most:
        raise UserError(f"The card of the weights {short(name)} does not fit a {role}.", _ANEW)
    try:
        network = fold(with_tensors(card.network, card.options, tensors).eval())
    except UserError as error:
        raise UserError(f"The weights {short(name)} cannot be used. {error.message}", error.hint) from error
    if not sound(network.state_dict().values()):
        raise UserError(f"The weights {short(name)} hold a variance below 0.", _ANEW)
    return card, channels_last(network).to(device)


def classify_steps(
    network: nn.Module, image: ImageArray, yx: FloatArray, side: int, device: torch.device
) -> Generator[float, None, FloatArray]:
    """What a network says of the patches around places ``(n, 2)`` of an image, ``(n, ...)``; yields the part done."""
    said = []
    for start in range(0, max(len(yx), 1), _BATCH):
        said.append(classify(network, crop(image, yx[start : start + _BATCH], side), device))
        yield start / max(len(yx), 1)
    return np.concatenate(said)


@torch.inference_mode()
def classify(network: nn.Module, patches: ImageArray, device: torch.device) -> FloatArray:
    """Logits of ``(n, 64, 64)`` patches, ``(n,)``."""
    batch = torch.from_numpy(patches)[:, None].to(device, memory_format=torch.channels_last)
    with devices.precision(device):
        said = network(batch)
    return np.asarray(said.float().cpu(), np.float64)


def calibrated(calibration: tuple[float, ...], *terms: FloatArray) -> FloatArray:
    """Probability from scores: ``expit(slopes . terms + offset)``, the slopes and the offset in this order."""
    *slopes, offset = calibration
    return cast(FloatArray, expit(sum(slope * term for slope, term in zip(slopes, terms, strict=True)) + offset))


def check_size(micrograph: Micrograph, diameter: float) -> None:
    """Refuse a particle of ``diameter`` Angstrom that the image cannot show.

    Raises
    ------
    UserError
        When it is larger than the image, smaller than a few pixels, or the pixel size is not known.
    """
    frame, side = micrograph.frame, min(micrograph.image.shape)
    wanted = frame.working_pixels(diameter)
    if wanted > side:
        raise UserError(
            f"{frame.micrograph}: a particle of {diameter:g} A is {wanted:.0f} px, more than the image's {side} px.",
            "Check the diameter and the pixel size.",
        )
    if wanted < _SMALLEST:
        raise UserError(
            f"{frame.micrograph}: a particle of {diameter:g} A is only {wanted:.1f} px.",
            "Check the diameter and the pixel size.",
        )


def on_good_pixels(yx: FloatArray, valid: MaskArray | None) -> MaskArray:
    """Which places, in pixels of the mask ``valid``, lie on a good one; ``(n,)``."""
    return np.ones(len(yx), bool) if valid is None else np.asarray(valid[nearest_pixels(yx, valid.shape)])


def nearest_pixels(yx: FloatArray, shape: tuple[int, ...]) -> tuple[IndexArray, IndexArray]:
    """Rows and columns, ``(n,)`` each, of the pixels of an image of ``shape`` that places ``(n, 2)`` lie in."""
    at = np.clip(np.rint(yx).astype(np.int64), 0, np.array(shape) - 1)
    return at[:, 0], at[:, 1]
