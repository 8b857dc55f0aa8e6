"""The Pick form: the image that is active is picked and seen, and its picks are saved beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from blobs import DIAMETER, PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet.io import read_picks
from napari_drpnet.layers import picks_of

pytestmark = pytest.mark.gui
RUN_LIMIT = 120_000  # milliseconds


@pytest.fixture
def two(viewer: Any, tmp_path: Path) -> Any:
    """The form opened late, with two micrographs open."""
    for name in ("one", "two"):
        viewer.open(str(write_mrc(tmp_path / f"{name}.mrc", grid_of_blobs()[0], PIXEL_SIZE)), plugin="napari-drpnet")
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    form.diameter.value = DIAMETER
    return form


def run(form: Any, qtbot: Any) -> None:
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=RUN_LIMIT)


def seen(viewer: Any) -> list[str]:
    return [
        layer.name
        for layer in viewer.layers
        if layer.visible and layer.metadata.get("role") not in ("ring", "smoothed")
    ]


def test_the_form_follows_the_active_image_and_only_its_picks_are_seen(two: Any, viewer: Any, qtbot: Any) -> None:
    one, other = viewer.layers["one"], viewer.layers["two"]
    assert two.source.layer.unique_id == other.unique_id
    assert seen(viewer) == ["two"]
    assert "Another micrograph is hidden" in two.hidden.value
    run(two, qtbot)
    picked = two.result.layer
    assert picked.visible
    viewer.layers.selection.active = one
    assert two.source.layer.unique_id == one.unique_id
    assert seen(viewer) == ["one"]
    assert two.result is None
    two.source.image.value = next(layer for layer in two.source.image.choices if layer.name == "two")
    assert set(seen(viewer)) == {"two", picked.name}
    one.visible = True
    assert not two.sight.said, "who makes another one visible wants it so"
    viewer.layers.remove(other)
    assert two.source.layer.unique_id == one.unique_id


def test_another_image_of_the_same_micrograph_is_taken_by_hand_only(two: Any, viewer: Any) -> None:
    layer = viewer.layers["two"]
    again = viewer.add_image(np.asarray(layer.data) * 2, name="denoised", metadata=dict(layer.metadata))
    assert viewer.layers.selection.active.unique_id == again.unique_id
    assert two.source.layer.unique_id == layer.unique_id
    assert set(seen(viewer)) == {"two", "denoised"}
    two.source.image.value = next(layer for layer in two.source.image.choices if layer.name == "denoised")
    assert two.source.layer.unique_id == again.unique_id


def test_picks_are_saved_beside_the_micrograph_with_what_was_changed_by_hand(
    two: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not two.saving.visible
    run(two, qtbot)
    layer = two.result.layer
    layer.selected_data = {0, 1}
    layer.remove_selected()

    asked: list[tuple[str, str]] = []

    def suggested(_: Any, __: str, start: str, kinds: str) -> tuple[str, str]:
        asked.append((start, kinds.split(";;")[0]))
        return start, asked[0][1]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", suggested)
    two.saving.button.native.click()
    expected = tmp_path / "two_autopick.star"
    assert asked == [(str(expected), "RELION STAR (*.star)")]
    (saved,) = read_picks(expected)
    np.testing.assert_array_equal(saved.yx, np.floor(picks_of(layer).yx + 0.5))
    assert f"{len(saved)} picks are in {expected}" in two.saving.said.value


def test_any_format_can_be_chosen_and_what_it_loses_is_said(two: Any, qtbot: Any, tmp_path: Path) -> None:
    run(two, qtbot)
    shown = picks_of(two.result.layer)
    for suffix in ("csv", "box", "cbox", "json", "txt", "cs"):
        path = tmp_path / f"picks.{suffix}"
        two.saving.save(path)
        (saved,) = read_picks(path)
        assert len(saved) == len(shown), suffix
        assert str(path) in two.saving.said.value
        if suffix in ("box", "cbox"):
            np.testing.assert_allclose(saved.diameter, DIAMETER / PIXEL_SIZE, atol=1, err_msg=suffix)


def test_what_cannot_be_saved_is_said(two: Any, qtbot: Any, tmp_path: Path) -> None:
    run(two, qtbot)
    two.saving.save(tmp_path / "picks.docx")
    assert "not a kind of file for picks" in two.saving.said.value
    (tmp_path / "file").write_text("")
    two.saving.save(tmp_path / "file" / "picks.star")
    assert "cannot be written" in two.saving.said.value


def test_picks_of_a_file_are_hidden_with_their_micrograph(two: Any, viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    run(two, qtbot)
    two.saving.save(tmp_path / "two_autopick.star")
    viewer.open(str(tmp_path / "two_autopick.star"), plugin="napari-drpnet")
    read = viewer.layers[-1]
    assert read.visible
    viewer.layers.selection.active = viewer.layers["one"]
    assert not read.visible
