"""Which files of a folder are its picks, and of which micrograph each is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import Frame, Picks, UserError, read_picks, write_picks
from napari_drpnet.io.picks.folder import NoPicksError, pick_files, picks_of
from napari_drpnet.io.star_lists import MicrographEntry, write_coordinate_list
from napari_drpnet.jobs import labelled_in_files
from napari_drpnet.settings import TrainingSet
from napari_drpnet.training.sets import labelled

OPTICS = "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographPixelSize #2\n1 2.0\n"


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(file: str, n: int) -> Path:
    return write_picks(Picks(Frame(""), np.arange(2.0 * n).reshape(n, 2) + 1, diameter=np.array(9.0)), Path(file))


def count(found: dict[str, Picks]) -> dict[str, int]:
    return {name: len(picks) for name, picks in found.items()}


def listed(*names: str) -> list[MicrographEntry]:
    return [MicrographEntry(name, Path(name), None) for name in names]


TWO = listed("g1/m.mrc", "g2/m.mrc")


def test_a_list_tells_equal_names_apart():
    pairs = [(f"g{i}/m.mrc", put(f"lab/g{i}/m_autopick.star", i).as_posix()) for i in (1, 2)]
    write_coordinate_list(pairs, "lab/autopick.star")
    assert count(picks_of([Path("lab")], TWO)) == count(picks_of([Path("lab/autopick.star")], TWO))
    assert count(picks_of([Path("lab")], TWO)) == {"g1/m.mrc": 1, "g2/m.mrc": 2}


@pytest.mark.parametrize("suffix", [".star", ".csv", ".box", ".cbox"])
def test_so_do_subfolders_without_a_list(suffix: str):
    for i in (1, 2):
        put(f"lab/g{i}/m{suffix}", i)
    Path("lab/micrographs_selected.star").write_text(OPTICS)
    assert count(picks_of([Path("lab")], TWO)) == {"g1/m.mrc": 1, "g2/m.mrc": 2}


def test_and_files_beside_their_micrographs():
    folders = [put(f"g{i}/m.star", i).parent for i in (1, 2)]
    assert count(picks_of(folders, TWO)) == {"g1/m.mrc": 1, "g2/m.mrc": 2}


def test_a_file_that_does_not_tell_is_refused_by_name():
    put("lab/m.star", 3)
    with pytest.raises(UserError, match=r"lab: '.*lab/m' may be 'g1/m.mrc', 'g2/m.mrc'"):
        picks_of([Path("lab")], TWO)


def test_picks_of_other_micrographs_are_told_and_left_out():
    put("lab/m_extract.star", 3)
    put("lab/other.star", 4)
    with pytest.warns(UserWarning, match=r"lab: picks of other micrographs are left out: .*other'"):
        assert count(picks_of([Path("lab")], listed("Mics/m.mrc"))) == {"Mics/m.mrc": 3}


def test_two_files_of_one_micrograph_are_refused():
    put("one/m.star", 1)
    put("two/m.star", 2)
    with pytest.raises(UserError, match=r"two: there are other picks of m\.mrc"):
        picks_of([Path("one"), Path("two")], listed("m.mrc"))


def test_other_star_files_are_no_picks():
    Path("job").mkdir()
    Path("job/job.star").write_text("data_job\n\n_rlnJobTypeLabel relion.autopick\n")
    with pytest.raises(NoPicksError, match="no picks lie in this folder"):
        pick_files(Path("job"))
    file = put("job/Movies/20/m_autopick.star", 1)
    assert pick_files(Path("job")) == ([file], ())


def test_one_set_of_picks_in_the_formats_of_cryolo_is_not_taken_for_several():
    for file in ("out/CBOX/a.cbox", "out/EMAN/a.box", "out/STAR/a.star"):
        put(file, 2)
    with pytest.raises(UserError, match=r"the same picks in two formats.*Give one of these folders, such as out/CBOX"):
        pick_files(Path("out"))
    assert pick_files(Path("out/STAR")) == ([Path("out/STAR/a.star")], ())


def test_what_relion_3_has_in_the_place_of_a_list_is_no_picks():
    file = put("job/Movies/m_autopick.star", 1)
    mark = Path("job/coords_suffix_autopick.star")
    mark.write_text("CtfFind/job003/micrographs_ctf.star\n")
    assert pick_files(Path("job")) == ([file], ())
    with pytest.raises(UserError, match=r"coords_suffix_autopick\.star: it has no picks.*Give the folder job"):
        read_picks(mark)


def test_equal_names_in_labels_and_training_sets():
    from napari_drpnet.io.mrc import write_mrc

    for i in (1, 2):
        write_mrc(np.random.default_rng(i).random((40, 40), np.float32), f"g{i}/m.mrc", 2.0)
        put(f"lab/g{i}/m_manualpick.star", i)
    told = labelled_in_files(["g*/m.mrc"], [Path("lab")])
    assert [(one.name, len(one.particles)) for one in told] == [("g1/m", 1), ("g2/m", 2)]
    pairs, _ = labelled(TrainingSet(micrographs="g*/m.mrc", coordinates="lab"))
    assert [(file.as_posix(), len(picks)) for file, picks in pairs] == [("g1/m.mrc", 1), ("g2/m.mrc", 2)]
