"""Networks for other programs: what is in the file does what its description says, and makes the same map."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from napari_drpnet.cli import main
from napari_drpnet.errors import UserError
from napari_drpnet.io.fields import parse
from napari_drpnet.io.weights import read_weights, write_weights
from napari_drpnet.jobs import export_model
from napari_drpnet.pickers.detectors import load_detector
from napari_drpnet.settings import ExportSettings
from napari_drpnet.sharing.bioimageio import description
from napari_drpnet.sharing.example import as_described
from napari_drpnet.sharing.onnx_model import onnx_model
from napari_drpnet.sharing.score_map import MEANINGS, shared_map
from napari_drpnet.sharing.words import model_card
from onnx_networks import blob_network

SAME = 1e-4


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shared") / "detector.zip"
    main_ok("export-model", "detector", "--out", str(path))
    with zipfile.ZipFile(path) as archive:
        archive.extractall(path.parent)
    return path


def main_ok(*arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code in (0, None)


def session_of(model: bytes | Path) -> Any:
    content = model if isinstance(model, bytes) else model.read_bytes()
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def run(session: Any, image: np.ndarray) -> np.ndarray:
    return session.run(None, {"image": image})[0]


def test_the_package_is_one_of_the_zoo(packed: Path):
    from bioimageio.spec import load_description  # takes seconds, in each process that only looks for tests
    from bioimageio.spec.model.v0_5 import ModelDescr

    found = load_description(packed)
    assert isinstance(found, ModelDescr), found.validation_summary.display()
    assert found.validation_summary.status == "valid-format"
    assert found.license == "BSD-3-Clause"
    assert [author.name for author in found.authors] == ["The napari-drpnet developers"]
    assert str(found.cite[0].doi) == "10.1186/s12859-020-03948-x"
    card, _ = read_weights("detector")
    assert f"{card.diameter:g} pixels across" in found.description
    assert f"Grey levels: {card.grey}" in found.description


def test_its_model_makes_the_map_that_is_beside_it(packed: Path):
    image, expected = (np.load(packed.parent / f"test_{what}.npy") for what in ("image", "map"))
    made = run(session_of(packed.parent / "weights.onnx"), image)
    np.testing.assert_allclose(made, expected, atol=SAME)
    assert expected.max() > 0.8  # there are particles in it
    assert expected.min() < 0.1


def test_the_axes_and_the_halo_are_as_they_are_said(packed: Path):
    said = parse((packed.parent / "rdf.yaml").read_text())
    *_, y, _ = said["inputs"][0]["axes"]
    *_, out_y, _ = said["outputs"][0]["axes"]
    least, step, halo = y["size"]["min"], y["size"]["step"], out_y["halo"]
    session, rng = session_of(packed.parent / "weights.onnx"), np.random.default_rng(2)
    image = rng.normal(0, 0.3, (1, 1, least + 2 * step, least + step)).astype(np.float32)
    whole, part = run(session, image), run(session, image[..., step : step + least, :least])
    assert whole.shape[2] * out_y["scale"] == image.shape[2]
    off = int(step / out_y["scale"])
    rows, columns = slice(halo + off, whole.shape[2] - off - halo), slice(0, part.shape[3] - halo)
    np.testing.assert_allclose(whole[0, 0, rows, columns], part[0, 0, halo:-halo, columns], atol=SAME)


@pytest.mark.parametrize("name", ["detector", "fcrn", "pixer-segmenter", "centerpicker"])
def test_onnxruntime_makes_the_map_of_torch(name: str):
    shared = shared_map(name)
    m = shared.multiple
    shape = (2, 1, -(-192 // m) * m, -(-128 // m) * m)
    image = np.random.default_rng(1).normal(0, 0.3, shape).astype(np.float32)
    made = run(session_of(onnx_model(shared, {})), image)
    np.testing.assert_allclose(made, shared.map_of(torch.from_numpy(image)).numpy(), atol=SAME)
    assert made.shape[:2] == (2, 1)


def test_a_program_that_does_what_the_description_says_prepares_the_same():
    shared = shared_map("fcrn")
    image = np.random.default_rng(4).gamma(2.0, 3.0, (1, 1, 64, 80)).astype(np.float32)
    said = description(shared, ExportSettings(), dict.fromkeys(["README.md", "weights.onnx", *TENSORS], ""))
    steps = {step["id"]: step["kwargs"] for step in said["inputs"][0]["preprocessing"]}
    assert list(steps) == ["ensure_dtype", "scale_range", "clip", "scale_linear"]
    ends, clip, linear = steps["scale_range"], steps["clip"], steps["scale_linear"]
    low, high = (np.percentile(image, ends[f"{which}_percentile"]) for which in ("min", "max"))
    done = np.clip((image - low) / (high - low + ends["eps"]), clip["min"], clip["max"])
    np.testing.assert_allclose(as_described(shared, image), linear["gain"] * done + linear["offset"], atol=1e-6)


TENSORS = ("test_image.npy", "test_map.npy")


def test_one_file_says_all_that_must_be_known(tmp_path: Path):
    card, tensors = read_weights("fcrn")
    own = write_weights(tmp_path / "mine.safetensors", card.model_copy(update={"start": "fcrn"}), tensors)
    report = export_model(str(own), ExportSettings(format="onnx", authors=("A. Person",)), tmp_path / "mine.onnx")
    assert report.size == report.path.stat().st_size
    assert report.difference < SAME
    model = onnx.load(report.path)
    onnx.checker.check_model(model, full_check=True)
    said = {prop.key: prop.value for prop in model.metadata_props}
    assert (said["license"], said["authors"]) == ("BSD-3-Clause", "A. Person")
    assert json.loads(said["napari_drpnet"])["diameter"] == card.diameter
    assert "trained by a user" in said["model_card"]
    assert "training began from: fcrn" in said["model_card"]
    assert str(tmp_path) not in "".join(said.values())


def test_the_card_has_what_the_networks_page_says_and_no_link_that_leads_nowhere():
    shared = shared_map("detector")
    text = model_card(shared, ExportSettings())
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", page)
    for heading in ("detector", "Data and licences"):
        section = re.split(rf"^## {heading}\n", plain, flags=re.MULTILINE)[1].partition("\n## ")[0].strip()
        assert len(section) > 200
        assert section in text
    assert f"Gaussian of {0.05 * shared.card.diameter:g} pixels" in text
    assert "](" not in text.replace("](http", "")
    assert set(MEANINGS) == {"detector", "segmenter", "centre detector"}


REFUSED = {
    "nonsense": ({}, None, r"no weights named 'nonsense'.*detector"),
    "classifier": ({}, None, r"classifier, which has no score map.*can be exported: detector, fcrn, pixer-segmenter"),
    "fcrn": ({}, "there.zip", r"there\.zip is there already.*\(--out\)"),
    "detector": ({"format": "onnx"}, "a.zip", r"a\.zip: a file of the format onnx ends in \.onnx"),
    "own.safetensors": ({}, "own.zip", r"own is not of napari-drpnet.*\(--authors\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_exported_is_said_in_a_sentence(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    how, out, reason = REFUSED[name]
    monkeypatch.chdir(tmp_path)
    Path("there.zip").touch()
    write_weights(Path("own.safetensors"), *read_weights("fcrn"))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError, match=reason):
        export_model(name, ExportSettings(**how), None if out is None else Path(out))
    assert sorted(tmp_path.iterdir()) == before


def test_what_the_page_shows_in_python_works(tmp_path: Path, packed: Path, monkeypatch: pytest.MonkeyPatch):
    page = Path(__file__).parents[2] / "docs" / "sharing.md"
    use, tell = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("detector.onnx").write_bytes((packed.parent / "weights.onnx").read_bytes())
    shown: dict[str, Any] = {}
    exec(use, shown)
    assert shown["score"].shape == (1, 1, 256, 320)
    blob_network(Path("theirs.onnx"))
    exec(tell, {})
    card, _ = load_detector("theirs.onnx", None, None, torch.device("cpu"))
    assert (card.diameter, card.grey) == (24, "standard")


def test_without_the_package_onnx_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r'onnx.*not installed.*pip install "napari-drpnet\[onnx\]"'):
        onnx_model(shared_map("fcrn"), {})
