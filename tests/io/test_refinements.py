"""Which files of a folder are those of a refinement."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_drpnet.errors import UserError
from napari_drpnet.io.refinements import find_refinements

RELION = (
    "run_half1_class001_unfil.mrc",
    "run_half2_class001_unfil.mrc",
    "run_it012_half1_class001.mrc",
    "run_it012_half2_class001.mrc",
    "run_class001.mrc",
    "run_data.star",
    "run_it012_data.star",
    "run_it012_half1_model.star",
    "run_model.star",
    "run_optimiser.star",
    "run_sampling.star",
    "job.star",
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(folder, *names):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_of_a_folder_of_relion_the_files_of_the_end_count():
    (found,) = find_refinements([made("Refine3D/job012", *RELION)])
    assert found.name == "job012"
    assert [path.name for path in found.halves] == list(RELION[:2])
    assert found.particles.name == "run_data.star"
    assert found.postprocess is None


def test_a_folder_of_cryosparc():
    names = ("J42_007_volume_map_half_A.mrc", "J42_007_volume_map_half_B.mrc", "J42_007_volume_map.mrc")
    (found,) = find_refinements([made("J42", *names, "J42_006_particles.cs", "J42_particles.cs")])
    assert [path.name for path in found.halves] == list(names[:2])
    assert found.particles.name == "J42_particles.cs"


def test_a_folder_of_postprocessing_is_one_too():
    (found,) = find_refinements([made("PostProcess/job013", "postprocess.star", "postprocess.mrc", "job.star")])
    assert (found.halves, found.particles) == (None, None)
    assert found.postprocess.name == "postprocess.star"


def test_files_of_one_folder_are_one_refinement_in_any_order():
    made("a", *RELION)
    made("b", *RELION[:2])
    found = find_refinements([Path(name) for name in ("a/run_data.star", f"a/{RELION[1]}", f"b/{RELION[0]}")])
    assert [one.name for one in found] == ["a", "b"]
    assert [path.name for path in found[0].halves] == list(RELION[:2])
    assert found[0].particles == Path("a/run_data.star")
    assert found[1].particles is None


def test_a_file_beside_its_folder_goes_before_what_is_in_it():
    made("a", "one.star", "two.star", *RELION[:2])
    with pytest.raises(UserError, match=r"one.star and two.star may both be meant. Name the file"):
        find_refinements([Path("a")])
    (found,) = find_refinements([Path("a/two.star"), *(Path("a", name) for name in RELION[:2])])
    assert found.particles == Path("a/two.star")


def test_refinements_of_one_name_are_told_apart_by_their_folders():
    for parent in ("drpnet", "templates"):
        made(f"{parent}/job", *RELION[:2])
    found = find_refinements([Path("drpnet/job"), Path("templates/job")])
    assert [one.name for one in found] == ["drpnet/job", "templates/job"]


@pytest.mark.parametrize(
    ("files", "source", "said"),
    [
        ((), "a", "a: there is no file of a refinement in it"),
        (("notes.txt",), "a", "a: there is no file of a refinement in it"),
        (("notes.txt",), "a/notes.txt", "a/notes.txt: nothing of a refinement"),
        ((), "none", "none: there is no such file or folder"),
        ((RELION[0],), f"a/{RELION[0]}", "the other half, run_half2_class001_unfil.mrc, is not beside it"),
        (("map.mrc",), "a/map.mrc", "its name does not tell the other half"),
    ],
)
def test_what_is_none_says_so(files, source, said):
    made("a", *files)
    with pytest.raises(UserError, match=said):
        find_refinements([Path(source)])


def test_nothing_is_nothing():
    with pytest.raises(UserError, match="There is nothing to assess"):
        find_refinements([])
