"""Which micrograph a name means, whoever wrote it."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet import UserError
from napari_drpnet.io.names import NameIndex, alike, owners, places, same_micrograph

CORRECTED = "000012345678901234567_a_patch_aligned_doseweighted.mrc"


@pytest.mark.parametrize(
    ("names", "micrograph", "meant"),
    [
        (["a.mrc", "b.mrc"], "a.mrc", ["a.mrc"]),
        (["a", "b"], "Micrographs/a.mrc", ["a"]),
        (["Micrographs/a.mrc"], "a", ["Micrographs/a.mrc"]),
        ([CORRECTED], "a.mrc", [CORRECTED]),
        (["a.mrc"], CORRECTED, ["a.mrc"]),
        (["one/a.mrc", "two/a.mrc"], "a.mrc", ["one/a.mrc", "two/a.mrc"]),
        (["one/a.mrc", "two/a.mrc"], "two/a.mrc", ["two/a.mrc"]),
        (["one/a.mrc", "two/a.mrc"], "x\\two\\a_autopick.star", ["two/a.mrc"]),
        (["one/a.mrc", "two/a.mrc"], "three/a.mrc", ["one/a.mrc", "two/a.mrc"]),
        (["x/M/a.mrc", "M/a.mrc"], "M/a.mrc", ["M/a.mrc"]),
        (["x/a.tif", "y/a.mrc"], "x/a.mrc", ["x/a.tif"]),  # a folder says more than a suffix
        (["x/a.tif", "x/a.mrc"], "a.mrc", ["x/a.mrc"]),
        (["b.mrc"], "a.mrc", []),
        (["a_1.mrc", "a_10.mrc"], "a_10_extract.star", ["a_10.mrc"]),
        (["a_1.mrc"], "a_1_2_autopick.star", []),  # a number belongs to the name
        (["a_1.mrc", "a_1_b.mrc"], "a_1_b_picks.star", ["a_1_b.mrc"]),
        (["a_DW.mrc"], "a.star", ["a_DW.mrc"]),
        (["a_DW.mrc", "a_noDW.mrc"], "a.star", ["a_DW.mrc", "a_noDW.mrc"]),
        ([CORRECTED], "a_topazpicks.star", [CORRECTED]),
    ],
)
def test_names_that_mean_a_micrograph_from_either_side(names: list[str], micrograph: str, meant: list[str]):
    assert alike(names, micrograph) == meant


WORDS = "_extract _checked _topazpicks _cnnPick _automatch _autopick _manualpick _pick -particles .boxes _myProgram"


@pytest.mark.parametrize("word", WORDS.split())
def test_words_of_programs_behind_a_name(word: str):
    listed = ["Mics/stack_0001.mrc", "Mics/stack_0002.mrc"]
    assert NameIndex(listed).find(f"job/stack_0001{word}.star") == listed[:1]


stems = st.from_regex(r"[a-z]{1,4}_[0-9]{1,4}", fullmatch=True)
folders = st.lists(st.from_regex(r"[a-z]{1,3}[0-9]", fullmatch=True), max_size=3).map("/".join)
prefixes = st.sampled_from(["", "001234567890123456789_", "201234567890123456789_"])
endings = st.sampled_from(["", "_patch_aligned_doseweighted", "_rigid_aligned", *WORDS.split()])


@given(st.lists(stems, min_size=1, max_size=8, unique=True), folders, folders, prefixes, endings, st.data())
def test_a_unique_stem_is_found_whatever_stands_around_it(stems, here, there, prefix, ending, data):
    listed = [f"{here}/{stem}.mrc" for stem in stems]
    chosen = data.draw(st.integers(0, len(stems) - 1))
    assert NameIndex(listed).find(f"{there}/{prefix}{stems[chosen]}{ending}.star") == [listed[chosen]]


@given(st.lists(st.tuples(folders, stems), min_size=1, max_size=8, unique=True), folders)
def test_every_path_means_itself_wherever_the_folder_lies(pairs, above):
    listed = [f"{folder}/{stem}.mrc" for folder, stem in pairs]
    found = owners([f"{above}/{folder}/{stem}.star" for folder, stem in pairs], NameIndex(listed))
    for (folder, stem), name in zip(pairs, listed, strict=True):
        key = f"{above}/{folder}/{stem}.star"
        assert found.of.get(key, name) == name  # right, or not decided
        if folder:
            assert key in found.of


def test_two_numbers_of_cryosparc_are_two_micrographs():
    index = NameIndex(["M/001234567890123456701_a.mrc", "M/001234567890123456703_b.mrc"])
    assert index.find("001234567890123456702_a.star") == []
    assert index.find("001234567890123456702_a_topazpicks.star") == []
    assert index.find("a_topazpicks.star") == ["M/001234567890123456701_a.mrc"]


def test_where_the_files_are_counts_like_the_names():
    paths = {"m.mrc": Path("/data/g1/m.mrc"), "../g2/m.mrc": Path("/data/g2/m.mrc")}
    assert NameIndex(paths, paths).find("lab/g1/m_autopick.star") == ["m.mrc"]


def test_of_several_names_the_nearest_has_the_micrograph():
    found = owners(["g1/m", "g2/m"], NameIndex(["x/g1/m.mrc"]))
    assert (found.of, found.unknown) == ({"g1/m": "x/g1/m.mrc"}, ("g2/m",))
    found = owners(["m", "m_tilted"], NameIndex(["m.mrc"]))
    assert (found.of, found.unknown) == ({"m": "m.mrc"}, ("m_tilted",))


def test_full_paths_are_one_micrograph_only_when_they_are_equal():
    assert same_micrograph("/x/g1/m.mrc", "/x/g1/m.mrc")
    assert not same_micrograph("/x/g1/m.mrc", "/x/g2/m.mrc")
    assert same_micrograph("m_autopick", "/x/g1/m.mrc")


def test_what_is_unclear_is_refused_by_name():
    with pytest.raises(UserError, match=r"lab: 'm' may be 'g1/m.mrc', 'g2/m.mrc'"):
        owners(["m"], NameIndex(["g1/m.mrc", "g2/m.mrc"])).settle("lab")
    with pytest.raises(UserError, match=r"'a_manualpick', 'a_extract' may all be a.mrc"):
        owners(["a_manualpick", "a_extract"], NameIndex(["a.mrc"])).settle("lab")


def test_a_word_that_no_program_is_known_for_is_told(recwarn):
    owners(["a_topazpicks", "b_tilted"], NameIndex(["a.mrc", "b.mrc"])).settle("lab")
    (told,) = recwarn
    assert str(told.message) == "lab: names were taken by their beginning: 'b_tilted' for 'b.mrc'."


def test_places_have_folders_only_where_stems_are_equal_and_never_leave_the_output():
    found = places(["g1/m.mrc", "../../g2/m.mrc", "g1/n.mrc", "/etc/o.mrc"])
    assert found == {
        "g1/m.mrc": PurePosixPath("g1/m"),
        "../../g2/m.mrc": PurePosixPath("g2/m"),
        "g1/n.mrc": PurePosixPath("n"),
        "/etc/o.mrc": PurePosixPath("o"),
    }
    with pytest.raises(UserError, match="one name"):
        places(["../g/m.mrc", "g/m.mrc"])
