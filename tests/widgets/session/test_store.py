"""Picks of a project in memory: saved within a moment, undone, and kept when the disk refuses. No window is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from psygnal import Signal

from blobs import DIAMETER, PIXEL_SIZE, SHAPE
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.candidates import Measured
from napari_drpnet.io.project.project import Project
from napari_drpnet.labels import added, labelled, labels_of, removed
from napari_drpnet.widgets.session.autosave import AGAIN, SOON, Autosave
from napari_drpnet.widgets.session.store import PickStore
from projects import NAMES, make_project, some_picks


class Clock:
    """A timer that fires when a test says so."""

    timeout = Signal()

    def __init__(self) -> None:
        self.set = 0  # milliseconds, 0 for not at all

    def setSingleShot(self, once: bool) -> None:  # noqa: N802 - Qt's own name
        assert once

    def start(self, milliseconds: int) -> None:
        self.set = milliseconds

    def stop(self) -> None:
        self.set = 0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writes(clock: Clock) -> Autosave:
    return Autosave(clock)


@pytest.fixture
def store(tmp_path: Path, writes: Autosave) -> Iterator[PickStore]:
    with make_project(tmp_path) as project:
        yield PickStore(project, writes)


def on_disk(store: PickStore, name: str) -> Picks:
    """What another program would read now."""
    return Project.open(store.project.folder, read_only=True).read_picks(name)


def reject_first(store: PickStore, name: str) -> None:
    picks = store.picks(name)
    store.change(name, labelled(picks, [0], "background"))


def test_a_change_is_written_within_a_moment_and_not_before(store: PickStore, clock: Clock) -> None:
    reject_first(store, "a1")
    assert len(labels_of(store.picks("a1"))) == 1
    assert len(labels_of(on_disk(store, "a1"))) == 0
    assert clock.set == SOON
    clock.timeout.emit()
    assert len(labels_of(on_disk(store, "a1"))) == 1
    assert not clock.set


def test_a_hundred_steps_are_undone_and_done_again(store: PickStore) -> None:
    before = store.picks("a1")
    for step in range(100):
        store.change("a1", added(store.picks("a1"), [[10.0 + step, 20.0]]))
    assert all(store.undo("a1") for _ in range(100))
    assert not store.undo("a1")
    assert store.picks("a1") is before
    assert all(store.redo("a1") for _ in range(100))
    assert len(store.picks("a1")) == len(before) + 100


def test_undo_and_redo_go_through_the_steps_of_one_micrograph(store: PickStore) -> None:
    before = store.picks("a1")
    reject_first(store, "a1")
    store.change("a1", removed(store.picks("a1"), [1]))
    store.change("a1", removed(store.picks("a1"), [2]), step=False)
    reject_first(store, "a2")
    now = store.picks("a1")
    assert store.undo("a1")
    assert len(labels_of(store.picks("a1"))) == 1
    assert store.undo("a1")
    assert store.picks("a1") is before
    assert not store.undo("a1")
    assert store.redo("a1")
    assert store.redo("a1")
    assert store.picks("a1") is now
    assert not store.redo("a1")
    assert len(labels_of(store.picks("a2"))) == 1


def test_what_cannot_be_written_is_kept_told_and_tried_again(store: PickStore, writes: Autosave, clock: Clock) -> None:
    told: list[tuple[str, str]] = []
    writes.changed.connect(lambda reason, before: told.append((reason, before)))
    labels = store.project.folder / "labels"
    labels.rmdir()
    labels.write_text("in the way")
    reject_first(store, "a1")
    clock.timeout.emit()
    clock.timeout.emit()
    assert clock.set == AGAIN
    ((reason, before),) = told  # once, however often it is tried
    assert "cannot be written" in reason
    assert before == ""
    assert len(labels_of(store.picks("a1"))) == 1
    labels.unlink()
    clock.timeout.emit()
    assert told[1:] == [("", reason)]
    assert len(labels_of(on_disk(store, "a1"))) == 1


def test_a_project_whose_disk_is_away_is_not_made_anew_and_gets_what_was_changed_when_it_is_back(
    store: PickStore, clock: Clock, writes: Autosave
) -> None:
    folder = store.project.folder
    away = folder.with_name("away")
    reject_first(store, "a1")
    folder.rename(away)
    clock.timeout.emit()
    assert "is gone" in writes.reason
    assert not folder.exists()
    assert len(store.picks("a2")) == 0
    with pytest.raises(UserError, match="is gone"):  # or it would take the place of the picks that are there
        store.change("a2", added(store.picks("a2"), [[10.0, 20.0]]))
    away.rename(folder)
    clock.timeout.emit()
    assert writes.reason == ""
    assert len(labels_of(on_disk(store, "a1"))) == 1
    store.look_again("a2")
    assert len(store.picks("a2")) == len(some_picks("a2"))


def test_what_is_taken_out_while_a_job_writes_stays_out_and_the_job_keeps_its_candidates(
    store: PickStore, writes: Autosave
) -> None:
    before, found = store.picks("a1"), some_picks("a1", 5)
    shared = before.yx[0]
    found = replace(found, yx=np.concatenate([shared[None], found.yx[1:]]))
    store.shared = True
    store.change("a1", before.select(np.arange(1, len(before))))  # as a rejected class is
    store.project.write_picks("a1", found, measured=Measured(found, 1.0))  # of another picker, meanwhile
    store.change("a1", added(store.picks("a1"), [[10.0, 20.0]]))
    writes.flush()
    now, measured = on_disk(store, "a1"), store.project.measured("a1")
    assert measured is not None
    assert measured.candidates is not None
    assert len(measured.offered) == len(found) - 1
    assert len(now) == len(found)  # less one, and a label
    assert np.linalg.norm(now.yx - shared, axis=1).min() > 1


def test_a_damaged_file_is_left_alone_until_it_is_whole(store: PickStore) -> None:
    path = store.project.folder / "picks" / "a1_autopick.star"
    whole = path.read_text()
    path.write_text(whole.replace("_rlnCoordinateX", "_rlnSomethingElse"))
    assert len(store.picks("a1")) == 0
    assert "a1_autopick.star" in store.damaged["a1"]
    with pytest.raises(UserError, match="a1_autopick"):
        store.change("a1", some_picks("a1"))
    assert not store.undo("a1")
    path.write_text(whole)
    store.look_again("a1")
    assert len(store.picks("a1")) == len(some_picks("a1"))
    assert store.damaged == {}


def test_labels_made_while_a_job_picks_go_among_its_picks(store: PickStore, writes: Autosave) -> None:
    store.shared = True
    reject_first(store, "a1")
    found = some_picks("a1", 5)
    store.project.write_picks("a1", found)
    writes.flush()
    now = store.picks("a1")
    assert len(labels_of(now)) == 1
    assert {tuple(yx) for yx in now.yx} >= {tuple(yx) for yx in found.yx[1:]}


def test_picks_that_a_job_wrote_are_read_again_and_undo_comes_back(store: PickStore) -> None:
    before, untouched = store.picks("a1"), store.picks("a2")
    store.project.write_picks("a1", some_picks("a1", 5))
    assert store.picks("a1") is before
    store.reload()
    np.testing.assert_array_equal(store.picks("a1").yx, some_picks("a1", 5).yx)
    assert store.picks("a2") is untouched
    assert not store.undo("a2")
    assert store.undo("a1")
    assert store.picks("a1") is before


def test_a_region_hides_picks_at_once_and_is_written_soon(store: PickStore, writes: Autosave) -> None:
    assert store.shown("a1").all()
    mask = np.zeros(SHAPE, dtype=bool)
    mask[: SHAPE[0] // 2] = True
    store.paint("a1", mask)
    hidden = store.picks("a1").yx[:, 0] < SHAPE[0] // 2 - 0.5
    assert 0 < hidden.sum() < len(hidden)
    np.testing.assert_array_equal(store.shown("a1"), ~hidden)
    assert store.project.read_region("a1") is None
    store.look_again("a2")  # what waits is not read anew
    assert store.region("a1") is mask
    writes.flush()
    assert len(store.picks("a1")) == len(hidden)
    np.testing.assert_array_equal(store.project.read_region("a1"), mask)
    store.paint("a1", np.zeros_like(mask))
    assert store.region("a1") is None
    assert store.shown("a1").all()


def test_a_region_that_cannot_be_read_is_told_once(store: PickStore, writes: Autosave) -> None:
    store.paint("a1", np.ones(SHAPE, dtype=bool))
    writes.flush()
    (file,) = (store.project.folder / "regions").iterdir()
    file.write_bytes(b"no picture")
    told: list[str] = []
    store.warned.connect(told.append)
    store.look_again("a1")
    assert store.region("a1") is None
    assert store.region("a1") is None
    assert len(told) == 1
    assert file.name in told[0]


def test_picks_stand_in_the_frame_of_the_micrograph_once_it_was_read(store: PickStore) -> None:
    assert store.frame("b1").shape is None
    store.note_frame("b1", Frame("b1.mrc", SHAPE, 2 * PIXEL_SIZE))
    assert store.picks("b1").frame.shape == store.frame("b1").shape == SHAPE
    assert store.picks("b1").frame.pixel_size == 2 * PIXEL_SIZE
    assert store.diameter(store.frame("b1")) == DIAMETER / (2 * PIXEL_SIZE)
    store.forget_frames()
    assert store.frame("b1").shape is None
    assert store.diameter(replace(store.frame("b1"), pixel_size=None)) is None


def test_nothing_changes_where_the_project_can_only_be_read(store: PickStore, clock: Clock) -> None:
    reader = PickStore(Project.open(store.project.folder, read_only=True), Autosave(clock))
    with pytest.raises(UserError, match="for reading only"):
        reject_first(reader, "a1")
    assert not reader.undo("a1")
    assert not clock.set


def test_done_is_written_like_an_edit(store: PickStore, writes: Autosave) -> None:
    store.mark_done("a1", True)
    assert store.project.row("a1").state == "picked"
    writes.flush()
    assert store.project.row("a1").state == "done"


def test_picks_of_many_micrographs_are_read_again_rather_than_kept(
    store: PickStore, writes: Autosave, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_drpnet.widgets.session.store.KEPT", 2)
    first, second = store.picks("a1"), store.picks("a2")
    reject_first(store, "a1")
    store.picks("b1")
    assert store.picks("a2") is second
    store.picks("b2")
    assert store.picks("a2") is not second
    assert len(labels_of(store.picks("a1"))) == 1  # what waits is never dropped
    writes.flush()
    assert len(labels_of(store.picks("a1"))) == 1
    assert store.undo("a1")
    assert store.picks("a1") is first


def test_dropping_what_waits_leaves_the_disk_as_it_is(store: PickStore, writes: Autosave, clock: Clock) -> None:
    for name in NAMES[:2]:
        reject_first(store, name)
    assert writes.waits(("picks", "a1"))
    writes.drop()
    assert not writes.waits(("picks", "a1"))
    assert not clock.set
    assert len(labels_of(on_disk(store, "a1"))) == 0
