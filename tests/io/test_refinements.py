"""Which files of a folder are those of a refinement."""

from __future__ import annotations

import os
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


def test_of_the_iterations_of_cryosparc_the_last_one_counts():
    numbered = [f"J63_{number}_{name}" for number in ("003", "010") for name in ("volume_map_half_A.mrc",
        "volume_map_half_B.mrc", "particles.cs")]  # fmt: skip
    (found,) = find_refinements([made("J63", *numbered, "J63_passthrough_particles.cs", "J63_010_volume.cs")])
    assert [path.name for path in (*found.halves, found.particles)] == numbered[3:]


def test_a_folder_that_is_given_twice_is_one():
    folder = made("Refine3D/job012", *RELION)
    Path("drpnet").symlink_to(folder)
    ways = [Path("drpnet"), folder, folder.absolute(), Path("Refine3D/../Refine3D/job012"), folder / "run_data.star"]
    (found,) = find_refinements(ways)
    assert found.name == "drpnet"
    assert found.particles.name == "run_data.star"


def test_names_have_no_way_up():
    for parent in ("a", "b"):
        made(f"{parent}/job", *RELION[:2])
    assert [one.name for one in find_refinements([Path("b/../a/job"), Path("b/job")])] == ["a/job", "b/job"]


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
    (found,) = find_refinements([Path("a")])
    assert found.problems[0].startswith("a: one.star and two.star may both be meant. Name the file")
    assert found.halves is not None
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
        (("notes.txt",), "a/notes.txt", "a/notes.txt is no file of a refinement"),
        ((), "none", "none: there is no such file or folder"),
        ((RELION[0],), f"a/{RELION[0]}", "the other half, run_half2_class001_unfil.mrc, is not beside it"),
        (RELION[2:4] + RELION[6:9], "a", "a: the refinement has not ended"),
        (("map.mrc",), "a/map.mrc", "its name does not tell the other half"),
    ],
)
def test_what_is_none_says_so(files, source, said):
    made("a", *files)
    with pytest.raises(UserError, match=said):
        find_refinements([Path(source)])


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    folder, root = made("a", *RELION), os.geteuid() == 0
    tmp_path.chmod(0o755)
    folder.chmod(0)
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(UserError, match="a: no permission to read it"):
            find_refinements([folder])
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_nothing_is_nothing():
    with pytest.raises(UserError, match="There is nothing to assess"):
        find_refinements([])


def test_what_is_wrong_with_one_does_not_stop_the_others():
    made("good", *RELION)
    made("half", RELION[0], "run_data.star")
    good, half, gone, typo = find_refinements([Path("good"), Path("half"), Path("gone"), Path("a/typo_half1.mrc")])
    assert not good.problems
    assert (half.halves, half.particles) == (None, Path("half/run_data.star"))
    assert f"half has {RELION[0]}, but not its other half" in half.problems[0]
    assert (gone.empty, typo.empty) == (True, True)
    assert "typo_half1.mrc: there is no such file" in typo.problems[0]


def test_sources_of_one_name_are_one_wherever_they_lie():
    sources = [
        made("Refine3D/job012", *RELION),
        made("PostProcess/job013", "postprocess.star"),
        made("job015", *RELION),
    ]
    found = find_refinements(sources, {sources[0]: "drpnet", sources[1]: "drpnet"})
    assert [one.name for one in found] == ["drpnet", "job015"]
    assert found[0].particles == sources[0] / "run_data.star"
    assert found[0].postprocess == sources[1] / "postprocess.star"
    with pytest.raises(UserError, match="Two refinements are called job015"):
        find_refinements(sources, {sources[0]: "job015"})
