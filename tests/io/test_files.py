"""Files are written whole or not at all, and what is in the way is said in one sentence."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import Frame, Picks, UserError, write_picks
from napari_drpnet.io import atomic_write, micrograph_stem
from napari_drpnet.io.files import require_folder


@pytest.mark.parametrize(
    "name",
    [
        "a.frames.mrc",
        "a.frames",
        "a.frames.MRC.gz",
        "Micrographs/a.frames.mrc",
        r"C:\data\a.frames.tif",
        "AutoPick/job006/Micrographs/a.frames_autopick.star",
        "a.frames_manualpick.star",
        "a.frames.csv",
        "a.frames.box",
        "a.frames_autopick",
    ],
)
def test_all_files_of_a_micrograph_share_its_stem(name: str) -> None:
    assert micrograph_stem(name) == "a.frames"


def test_a_stem_is_its_own_stem_and_never_empty() -> None:
    assert micrograph_stem("May08_04.33.57") == "May08_04.33.57"
    assert micrograph_stem(".mrc") == ".mrc"
    assert micrograph_stem("_autopick") == "_autopick"


def test_the_file_appears_whole_with_missing_folders_made(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.star"
    with atomic_write(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
        assert temporary.parent == target.parent
        assert temporary.suffix == ".star"
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_the_file_is_as_readable_for_others_as_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "atomic"):
        pass
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_is_written_through(tmp_path: Path) -> None:
    real = tmp_path / "disk" / "a.star"
    real.parent.mkdir()
    real.write_text("old")
    (tmp_path / "link.star").symlink_to(real)
    with atomic_write(tmp_path / "link.star") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.star").is_symlink()
    assert real.read_text() == "new"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError, UserError("no")])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path, stop: BaseException) -> None:
    target = tmp_path / "a.star"
    target.write_text("old")
    with pytest.raises(BaseException) as caught, atomic_write(target) as temporary:  # noqa: PT011, PT012
        temporary.write_text("half")
        raise stop
    assert caught.value is stop or isinstance(stop, type)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    target = tmp_path / "a.star"
    target.write_text("old")
    with (
        pytest.raises(UserError, match=r"a\.star cannot be written: the disk is full"),
        atomic_write(target),
        Path("/dev/full").open("w") as full,
    ):
        full.write("does not fit")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@contextmanager
def small_files() -> Iterator[None]:
    """The kernel refuses to let any file of this process grow beyond 4 kB; pytest's own log as well, so be brief."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("suffix", [".star", ".csv"])
def test_picks_that_cannot_be_written_to_the_end_are_not_written_at_all(tmp_path: Path, suffix: str) -> None:
    picks = Picks(Frame("a"), np.ones((1000, 2)))
    with pytest.raises(UserError, match=os.strerror(errno.EFBIG)), small_files():
        write_picks(picks, tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that this process may not write to, though it be root's."""
    root = os.geteuid() == 0
    tmp_path.chmod(0o500)
    if root:
        os.seteuid(65534)
    yield tmp_path
    if root:
        os.seteuid(0)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["a.star", "new/folder/a.star"])
def test_a_folder_without_permission_is_one_sentence(closed_folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be written: no permission"):
        write_picks(Picks(Frame("a"), np.empty((0, 2))), closed_folder / name)


def test_a_folder_to_write_to_is_looked_at_before_the_work(closed_folder: Path) -> None:
    with pytest.raises(UserError, match="cannot be written: no permission"):
        require_folder(closed_folder / "new" / "folder")


def test_a_file_is_no_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in ("file", "file/below"):
        with pytest.raises(UserError, match="cannot be written: file is a file"):
            require_folder(tmp_path / folder)
    require_folder(tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()


def test_a_file_where_a_folder_should_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write_picks(Picks(Frame("a"), np.empty((0, 2))), tmp_path / "file" / "a.star")
