"""Networks in ONNX files find particles: ours as before, those of others once it is known what they know."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

import blobs
from napari_drpnet import Micrograph, UserError, load_picker
from napari_drpnet.data import Picks
from napari_drpnet.evaluation import evaluate
from napari_drpnet.io.onnx_files import read_onnx
from napari_drpnet.io.project.networks import weights
from napari_drpnet.io.weights import read_weights, write_weights
from napari_drpnet.networks.onnx_map import OnnxMap
from napari_drpnet.pickers.drpnet import DRPnet
from napari_drpnet.sharing.onnx_model import onnx_model
from napari_drpnet.sharing.score_map import shared_map
from onnx_networks import DIAMETER, blob_network

SAYS = {"diameter": DIAMETER, "grey": "standard", "multiple": 2}


def picker(path: Path, **more: Any) -> Any:
    return load_picker("drpnet", diameter=blobs.DIAMETER, device="cpu", threshold=0.5, detector=str(path), **more)


def micrograph() -> tuple[Micrograph, np.ndarray]:
    image, centres = blobs.grid_of_blobs()
    return Micrograph.from_array(image, blobs.PIXEL_SIZE, "a"), centres


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "shared.onnx"
    path.write_bytes(onnx_model(shared_map("detector"), {}))
    return path


def test_a_network_that_was_exported_gives_the_same_picks(simulated, shipped: Path):
    seen, _, diameter = simulated
    told = {"diameter": diameter, "device": "cpu", "threshold": 0.4}
    before, after = load_picker("drpnet", **told), load_picker("drpnet", **told, detector=str(shipped))
    a, b = before.pick(seen), after.pick(seen)
    assert len(a) == len(b) > 30
    np.testing.assert_allclose(a.yx, b.yx, atol=0.01)
    np.testing.assert_allclose(a.score, b.score, atol=1e-4)
    np.testing.assert_allclose(before.score(seen).values, after.score(seen).values, atol=1e-4)
    assert after.reliable
    sizes = ("stride", "reach", "beyond", "multiple", "floats")  # what tiles are cut by
    assert [getattr(before.picker.detector, name) for name in sizes] == [
        getattr(after.picker.detector, name) for name in sizes
    ]


def test_a_network_of_another_program_finds_particles(tmp_path: Path):
    seen, centres = micrograph()
    found = picker(blob_network(tmp_path / "b.onnx", SAYS))
    picks = found.pick(seen)
    truth = Picks(seen.frame, centres)
    assert evaluate([picks], [truth], blobs.DIAMETER, blobs.PIXEL_SIZE, edge=40).counts.f1 > 0.95
    nearest = np.hypot(*(picks.yx[:, None] - centres[None]).transpose(2, 0, 1)).min(1)
    assert np.median(nearest) < 2  # half a pixel of its own is 2 here
    assert not found.reliable  # nobody calibrated it


def test_what_its_file_does_not_say_is_asked_for_and_can_be_told(tmp_path: Path):
    seen, _ = micrograph()
    said, silent = blob_network(tmp_path / "said.onnx", SAYS), blob_network(tmp_path / "silent.onnx")
    with pytest.raises(UserError, match=r"silent\.onnx does not say how many pixels.*detector_diameter"):
        picker(silent)
    with pytest.raises(UserError, match=r"does not say which grey levels.*\(--option detector_grey=standard\)"):
        picker(silent, detector_diameter=DIAMETER)
    told = picker(silent, detector_diameter=DIAMETER, detector_grey="standard")
    np.testing.assert_array_equal(told.pick(seen).yx, picker(said).pick(seen).yx)
    with pytest.raises(UserError, match=r"says of itself: diameter 16\.0\. It was told 20\.0"):
        picker(said, detector_diameter=20.0)
    with pytest.raises(UserError, match=r"its metadata say of it .*\(diametre\)"):
        picker(blob_network(tmp_path / "odd.onnx", {"diametre": 16}))
    with pytest.raises(UserError, match="told for ONNX files only"):
        load_picker("drpnet", diameter=100, detector_diameter=32.0)


@pytest.mark.parametrize("sides", [(96, 128), (160, "w"), (2048, 2048)])
def test_a_network_of_fixed_size_works_window_by_window(tmp_path: Path, sides: tuple[Any, Any]):
    image = torch.from_numpy(np.random.default_rng(3).normal(size=(1, 1, 210, 332)).astype(np.float32))
    free, fixed = (
        OnnxMap("x", read_onnx(blob_network(tmp_path / f"{i}.onnx", sides=each)).sessions, reach=32, multiple=2)
        for i, each in enumerate([("h", "w"), sides])
    )
    assert fixed.multiple == fixed.stride == 2
    a, b = free(image)[0, 0], fixed(image)[0, 0]
    assert a.shape == b.shape == (105, 166)
    # At the lower and right border the windows see the image mirrored, and the network itself sees nothing.
    np.testing.assert_allclose(a[:-8, :-8], b[:-8, :-8], atol=1e-5)


WRONG = {
    "three channels": ({"channels": 3}, r"its input is any x 3 x any x any"),
    "fixed batch": ({"batch": 4}, r"its input is 4 x 1"),
    "no real numbers": ({"kind": TensorProto.UINT8}, r"of tensor\(uint8\).*float32"),
    "two inputs": ({"twice": True}, r"it has 2 inputs"),
    "two maps": ({"out_channels": 2}, r"its output is 1 x 2 x 65 x 67.*A score map is"),
    "a border that is lost": ({"padded": False}, r"it makes a map of 50 x 52 px of an image of 130 x 134"),
    "no number": ({"bad": True}, r"its map holds what is no number"),
    "no probability": ({"probability": False}, r"so it is no probability.*sigmoid"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_score_map_is_refused(tmp_path: Path, wrong: str):
    how, reason = WRONG[wrong]
    with pytest.raises(UserError, match=rf"wrong\.onnx.*{reason}"):
        picker(blob_network(tmp_path / "wrong.onnx", SAYS, **how))


def ended(path: Path, *nodes: onnx.NodeProto, **more: Any) -> Path:
    """The network with other last steps, from ``sure`` to ``map``."""
    model = onnx.load(blob_network(path, SAYS, **more))
    del model.graph.node[-1]
    model.graph.node.extend(nodes)
    model.graph.output[0].type.Clear()
    onnx.save(model, path)
    return path


node = onnx.helper.make_node
ENDS = {
    "rows and columns exchanged": ([node("Transpose", ["sure"], ["map"], perm=[0, 1, 3, 2])], "67 x 65 px of an image"),
    "one number for all": ([node("GlobalAveragePool", ["sure"], ["map"])], "a map of 1 x 1 px"),
    "no axes": ([node("ReduceMean", ["sure"], ["map"], keepdims=0)], "its output is one number"),
    "text": ([node("Cast", ["sure"], ["map"], to=TensorProto.STRING)], "no array of numbers"),
    "a list": ([node("SequenceConstruct", ["sure"], ["map"])], "no array of numbers"),
    "nothing": (
        [
            node("Constant", [], ["never"], value=onnx.numpy_helper.from_array(np.zeros(1, bool))),
            node("Compress", ["sure", "never"], ["map"], axis=2),
        ],
        "its output is 1 x 1 x 0 x 67",
    ),
}


@pytest.mark.parametrize("wrong", ENDS)
def test_a_map_that_is_none_is_refused_and_onnxruntime_adds_nothing(
    tmp_path: Path, wrong: str, capfd: pytest.CaptureFixture[str]
):
    nodes, reason = ENDS[wrong]
    with pytest.raises(UserError, match=rf"wrong\.onnx.*{reason}"):
        picker(ended(tmp_path / "wrong.onnx", *nodes))
    assert capfd.readouterr().err == ""


def test_a_map_coarser_than_particles_is_refused(tmp_path: Path):
    coarse = [node("GlobalAveragePool", ["sure"], ["map"])]
    with pytest.raises(UserError, match=r"a pixel of its map is 64 px of the image, more than a particle of 16 px"):
        picker(ended(tmp_path / "coarse.onnx", *coarse, sides=(64, 64)))


def test_its_suffix_may_be_in_capitals(tmp_path: Path):
    seen, centres = micrograph()
    assert len(picker(blob_network(tmp_path / "B.ONNX", SAYS)).pick(seen)) == len(centres)


def test_a_network_of_other_sides_says_so(shipped: Path):
    sessions = read_onnx(shipped).sessions
    with pytest.raises(UserError, match=r"cannot work on an image of 136 x 152 px.*multiples of, here 8"):
        OnnxMap("x", sessions, reach=8, multiple=8)


def test_damage_is_a_sentence(tmp_path: Path, shipped: Path):
    whole = shipped.read_bytes()
    for name, content in {"half": whole[: len(whole) // 2], "text": b"hello", "empty": b""}.items():
        (tmp_path / f"{name}.onnx").write_bytes(content)
        with pytest.raises(UserError, match=rf"{name}\.onnx: onnxruntime cannot read it"):
            picker(tmp_path / f"{name}.onnx")
    with pytest.raises(UserError, match="there is no such weights file"):
        picker(tmp_path / "none.onnx")


def test_numbers_are_not_read_from_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = onnx.load(blob_network(tmp_path / "b.onnx", SAYS))
    onnx.save(model, tmp_path / "c.onnx", save_as_external_data=True, location="secret.bin", size_threshold=0)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"c\.onnx: onnxruntime cannot read it.*as one file"):
        picker(tmp_path / "c.onnx")


def test_without_onnxruntime_the_line_that_installs_it_is_said(shipped: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r'not installed.*pip install "napari-drpnet\[onnx\]"'):
        picker(shipped)


def test_it_is_a_detector_and_nothing_else(tmp_path: Path, shipped: Path):
    foreign = blob_network(tmp_path / "b.onnx", SAYS)
    with pytest.raises(UserError, match="was not trained for the detector b"):
        picker(foreign, classifier="classifier")
    card, tensors = read_weights("classifier")
    theirs = write_weights(tmp_path / "c.safetensors", card.model_copy(update={"detector": "b"}), tensors)
    assert picker(foreign, classifier=str(theirs)).pick(micrograph()[0])
    with pytest.raises(UserError, match=r"shared\.onnx: an ONNX file can find particles, as a detector, and nothing"):
        load_picker("drpnet", diameter=100, classifier=str(shipped))
    path = tmp_path / "segmenter.onnx"
    path.write_bytes(onnx_model(shared_map("pixer-segmenter"), {}))
    with pytest.raises(UserError, match="is a segmenter, not a detector"):
        picker(path)


def test_a_project_finds_it_beside_itself(tmp_path: Path, shipped: Path):
    (tmp_path / "p" / "networks").mkdir(parents=True)
    place = tmp_path / "p" / "networks" / "their.onnx"
    place.write_bytes(shipped.read_bytes())
    assert weights(place.parent, "networks/their.onnx", "detector", tmp_path) == str(place)
    assert Path(weights(place.parent, "p/networks/their.onnx", "detector", tmp_path)) == place


def test_the_same_picks_with_the_rules_of_the_paper(simulated, shipped: Path):
    seen, _, diameter = simulated
    told = {"diameter": diameter, "device": "cpu", "classifier": None}
    ours, theirs = (
        load_picker("drpnet-paper", **told, detector=name).pick(seen) for name in ("detector", str(shipped))
    )
    np.testing.assert_allclose(ours.yx, theirs.yx, atol=0.01)
    assert isinstance(load_picker("drpnet-paper", **told).picker, DRPnet)
