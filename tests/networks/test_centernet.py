"""CenterPicker's network: the architecture of the paper, and places that stay where they are."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from napari_drpnet.networks import CenterNet, build
from napari_drpnet.networks.centernet import Attention, Block, Fusion, Tree
from napari_drpnet.pickers.network import fold

WIDTHS, DEPTHS = (32, 48, 80, 128), (1, 2, 2, 1)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build("centernet")


def backbone(network):
    parts = [network.base, network.second, network.down]
    return [m for part in parts for m in part.modules() if isinstance(m, nn.Conv2d)]


def test_six_channels_at_a_quarter_of_the_resolution(network):
    out = network(torch.randn(2, 1, 96, 160))
    assert out.shape == (2, 6, 24, 40)
    assert ((out[:, 0] > 0) & (out[:, 0] < 1)).all()
    assert out.dtype == torch.float32


def test_every_3x3_convolution_on_the_way_down_is_2_dilated_and_none_on_the_way_up(network):
    three = [conv for conv in backbone(network) if conv.kernel_size == (3, 3)]
    assert len(three) == 2 + 2 * sum(2**depth for depth in DEPTHS)
    assert {conv.dilation for conv in three} == {(2, 2)}
    assert {conv.stride for conv in backbone(network)} == {(1, 1)}
    merges = [m.merge[0] for m in network.modules() if isinstance(m, Fusion)]
    assert {(conv.kernel_size, conv.dilation) for conv in merges} == {((3, 3), (1, 1))}


def test_the_way_down_ends_at_a_thirty_second(network):
    seen = []
    network.down[-1].register_forward_hook(lambda _, __, out: seen.append(out.shape))
    network(torch.randn(1, 1, 64, 96))
    assert seen == [(1, WIDTHS[-1], 2, 3)]


def test_the_finest_level_is_there_in_every_row_and_every_fusion_has_attention(network):
    fusions = [m for m in network.modules() if isinstance(m, Fusion)]
    assert [len(row) for row in network.up] == [3, 2, 1]
    assert [row[0].merge[0].out_channels for row in network.up] == [WIDTHS[0]] * 3
    assert len(fusions) == 6
    order = []
    for fusion in fusions:
        assert isinstance(fusion.attention, Attention)
        fusion.attention.register_forward_hook(lambda *_: order.append("attention"))
        fusion.merge.register_forward_hook(lambda *_: order.append("merge"))
    network(torch.randn(1, 1, 64, 64))
    assert order == ["merge", "attention"] * 6


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("depth", "inputs", "outputs", "passed"), [(1, 16, 32, 16), (2, 32, 48, 32)])
def test_weights_of_a_tree_follow_from_its_depth(depth, inputs, outputs, passed):
    def conv(a, b, kernel):
        return a * b * kernel**2 + 2 * b  # and its batch norm

    def block(a):
        return conv(a, outputs, 3) + conv(outputs, outputs, 3) + (conv(a, outputs, 1) if a != outputs else 0)

    if depth == 1:
        expected = block(inputs) + block(outputs) + conv(2 * outputs + passed, outputs, 1)
    else:
        # The root of the second half sees the first half, and what came before.
        first = block(inputs) + block(outputs) + conv(2 * outputs, outputs, 1)
        expected = first + 2 * block(outputs) + conv(3 * outputs + passed, outputs, 1)
    tree = Tree(depth, inputs, outputs, passed)
    assert count(tree) == expected
    assert sum(isinstance(m, Block) for m in tree.modules()) == 2**depth


def test_the_whole_network_is_as_large_as_the_card_says(network):
    assert count(network) == 1_599_282


@pytest.mark.parametrize("left_out", ["dilation", "attention", "triangle"])
def test_each_part_of_the_paper_may_be_left_out(left_out):
    network = build("centernet", **{left_out: 0})
    assert network(torch.randn(1, 1, 64, 96)).shape == (1, 6, 16, 24)
    dilated = {conv.dilation for conv in backbone(network) if conv.kernel_size == (3, 3)} == {(2, 2)}
    attentive = any(isinstance(m, Attention) for m in network.modules())
    fusions = sum(isinstance(m, Fusion) for m in network.modules())
    assert {"dilation": dilated, "attention": attentive, "triangle": fusions == 6} == {
        part: part != left_out for part in ("dilation", "attention", "triangle")
    }
    assert fusions in (3, 6)
    assert count(network) <= 1_599_282


def test_plain_upsampling_goes_from_the_coarsest_to_the_finest():
    ladder = build("centernet", triangle=0).up
    levels = [torch.randn(1, width, 32 // 2**i, 32 // 2**i) for i, width in enumerate(WIDTHS)]
    finest = ladder(levels)
    assert finest.shape == (1, WIDTHS[0], 32, 32)
    for level in levels:
        level += 1
    assert not torch.allclose(ladder(levels), finest)


def test_channel_attention_weighs_channels_and_place_attention_places():
    torch.manual_seed(0)
    attention = Attention(16, stride=4)
    x = torch.rand(1, 16, 32, 32) + 0.5
    ratio = (attention(x) / x).detach()
    assert ratio.min() > 0
    assert ratio.max() < 1
    nn.init.zeros_(attention.place.weight)
    by_channel = (attention(x) / x).detach()[0]
    assert by_channel.mean((1, 2)).std() > 1e-3
    assert by_channel.std((1, 2)).max() < by_channel.mean((1, 2)).std()


def test_attention_to_channels_is_local(network):
    """Another particle far away does not change what is said here; the paper's mean over the image would."""
    attention = network.up[0][0].attention
    x = torch.rand(1, WIDTHS[0], 64, 64)
    other = x.clone()
    other[..., 40:] += 1
    here, there = attention(x), attention(other)
    assert torch.equal(here[..., :16], there[..., :16])
    assert not torch.allclose(here[..., 40:], there[..., 40:])


def test_nothing_moves_on_the_way(network):
    """Mirrored in and mirrored out, with mirrored weights: every step keeps pixel areas in place."""
    network = network.double().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = (module.weight + module.weight.flip(-1)).data
    image = torch.randn(1, 1, 64, 128, dtype=torch.double)
    assert torch.allclose(network(image.flip(-1)).flip(-1), network(image), atol=1e-5)


def test_folding_its_batch_norms_changes_nothing(network):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    network.eval()
    x = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        before, after = network(x), fold(network)(x)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert torch.allclose(before, after, atol=1e-4)


def test_sixteen_bits_give_a_gradient_everywhere(network):
    """With 24 channels torch 2.13 made NaN of the gradients of 2-dilated convolutions in bfloat16, channels last."""
    network = network.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = network(torch.randn(2, 1, 64, 64).contiguous(memory_format=torch.channels_last))
    F.mse_loss(out, torch.zeros_like(out)).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_an_untrained_network_expects_few_centres():
    torch.manual_seed(0)
    heat = CenterNet().eval()(torch.zeros(1, 1, 64, 64))[0, 0].detach()
    assert np.isclose(float(heat.mean()), 0.1, atol=0.05)
