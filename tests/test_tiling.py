"""Tiles leave no seam."""

import numpy as np
import pytest
import torch

from napari_drpnet import tiling
from napari_drpnet.errors import UserError
from napari_drpnet.networks import build
from napari_drpnet.pickers.network import fold

CPU = torch.device("cpu")


def trained_looking(name, **options):
    torch.manual_seed(1)
    network = build(name, **options)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


def score(network, image, memory, device=CPU):
    steps, fractions = tiling.score_steps(network, image, device, memory), []
    while True:
        try:
            fractions.append(next(steps))
        except StopIteration as end:
            return end.value, fractions


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(0, 0.2, (630, 607)).astype(np.float32)


@pytest.mark.parametrize(("name", "options", "memory"), [("unet", {}, 24), ("fcrn", {}, 40), ("unet", {"size": 1}, 88)])
def test_tiled_equals_whole(name, options, memory, image):
    network = trained_looking(name, **options)
    whole, one = score(network, image, 4000)
    tiled, many = score(network, image, memory)
    assert len(one) == 1
    assert len(many) > 4
    assert many == sorted(many)
    assert many[-1] == 1
    assert whole.shape == (630 // network.stride, 607 // network.stride)
    assert np.ptp(whole) > 0.01
    assert np.abs(whole - tiled).max() < 1e-4


@pytest.mark.parametrize(("name", "options"), [("fcrn", {}), *(("unet", {"size": size}) for size in range(5))])
def test_the_reach_is_what_the_network_says(name, options):
    network = trained_looking(name, **options).double()
    for module in network.modules():
        if isinstance(module, torch.nn.ReLU):
            module.forward = torch.nn.Identity()  # so that no way through the network is closed by chance
    side, period = 2 * (network.reach // 32 + 2) * 32, network.multiple // network.stride
    first, reached = side // 2 // network.stride, 0.0
    # Pixels of the map differ by where they lie on the coarsest level: the third sees farthest.
    for middle in (first + 2 % period, first + -3 % period):
        image = torch.rand(1, 1, 2 * network.multiple, side, dtype=torch.double).requires_grad_()
        network(image)[0, 0, 1, middle].backward()
        seen = np.flatnonzero(image.grad[0, 0].abs().sum(0).numpy())
        at = (middle + 0.5) * network.stride - 0.5
        reached = max(reached, at - seen.min(), seen.max() - at)
    assert 0.8 * network.reach < reached <= network.reach


@pytest.mark.parametrize("name", ["unet", "classifier"])
def test_folding_batch_norms_changes_nothing(name):
    network = trained_looking(name)
    x = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        before = network(x)
        after = fold(network)(x)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    assert torch.allclose(before, after, atol=1e-5)


def test_too_little_memory_is_said():
    with pytest.raises(UserError, match="memory"):
        tiling.tile_side((4096, 4096), build("unet"), 1)


class Crowded(torch.nn.Module):
    """A network on a card with too little memory; a copy of it elsewhere has enough."""

    def __init__(self, network, room):
        super().__init__()
        self.network, self.room, self.here, self.tried = network, room, id(self), []
        for name in ("stride", "reach", "beyond", "multiple", "floats"):
            setattr(self, name, getattr(network, name))

    def forward(self, image):
        self.tried.append(image.numel())
        if id(self) == self.here and image.numel() > self.room:
            raise torch.OutOfMemoryError
        return self.network(image)


def test_where_the_card_has_too_little_memory_tiles_are_smaller_then_the_processor_computes(image):
    network = trained_looking("unet")
    whole, _ = score(network, image, 4000)
    small = Crowded(network, 600 * 600)
    assert np.allclose(score(small, image, 4000)[0], whole, atol=1e-4)
    assert small.tried[0] > 600 * 600 >= max(small.tried[1:])
    with pytest.warns(UserWarning, match="the processor does the rest"):
        assert np.allclose(score(Crowded(network, 0), image, 4000)[0], whole, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_half_precision_on_the_gpu_agrees(image):
    network = trained_looking("unet")
    on_cpu, _ = score(network, image, 4000)
    on_gpu, _ = score(network.cuda(), image, 4000, torch.device("cuda"))
    assert np.abs(on_gpu - on_cpu).max() < 0.02
