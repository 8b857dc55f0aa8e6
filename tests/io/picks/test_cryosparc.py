"""cryoSPARC's tables: every way they are written, alignments, several files of one job, and tables that are none."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cs_files import PATH, SHAPE, lz4_stream, only, particles, save, snappy_stream
from napari_drpnet import Frame, Picks, UserError, read_picks
from napari_drpnet.io.fields import read_fields
from napari_drpnet.io.picks.cryosparc_group import read_exposures, read_group, write_csg
from napari_drpnet.io.picks.formats import write_all

H, W = SHAPE
# x, y of the four made-up particles, row 0 first.
PLACES = np.array([[270.0, 40], [240, 80], [210, 120], [180, 160]])
MOVED = pytest.mark.filterwarnings("ignore:.*re-centred")


def numpy_file(table: np.ndarray[Any, np.dtype[Any]]) -> bytes:
    file = io.BytesIO()
    np.save(file, table)
    return file.getvalue()


# ---------------------------------------------------------------- ways to write a table


@pytest.mark.parametrize("write", [numpy_file, lz4_stream, snappy_stream])
def test_a_table_is_read_however_it_is_packed(tmp_path: Path, write: Callable[[Any], bytes]) -> None:
    (tmp_path / "a.cs").write_bytes(write(particles()))
    (picks,) = read_picks(tmp_path / "a.cs")
    assert picks.frame == Frame(PATH.decode(), SHAPE, 1.5)
    np.testing.assert_allclose(picks.yx, PLACES, atol=1e-4)


@pytest.mark.parametrize("write", [numpy_file, lz4_stream, snappy_stream])
def test_an_empty_table_has_no_picks(tmp_path: Path, write: Callable[[Any], bytes]) -> None:
    (tmp_path / "a.cs").write_bytes(write(particles(0)))
    assert [len(picks) for picks in read_picks(tmp_path / "a.cs")] == [0]


def test_a_long_header_is_read(tmp_path: Path) -> None:
    kinds = [("shift", "<f4", (2,)), ("psize_A", "<f4"), ("class_posterior", "<f4"), ("pose", "<f4", (3,))]
    more = [(f"alignments_class3D_{i}/{kind[0]}", *kind[1:]) for i in range(200) for kind in kinds]
    path = save(tmp_path / "a.cs", particles(4, *more))
    assert b"}" not in path.read_bytes()[:10_000]
    np.testing.assert_allclose(read_picks(path)[0].yx, PLACES, atol=1e-4)


def test_a_table_longer_than_a_chunk_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_drpnet.io.picks.cryosparc_table._CHUNK", 300)
    np.testing.assert_allclose(read_picks(save(tmp_path / "a.cs", particles()))[0].yx, PLACES, atol=1e-4)


def test_half_of_a_stream_is_an_error(tmp_path: Path) -> None:
    whole = lz4_stream(particles(50, ("pick_stats/ncc_score", "<f4")))
    for end in range(6, len(whole) - 1, 11):
        (tmp_path / "a.cs").write_bytes(whole[:end])
        with pytest.raises(UserError, match=r"a\.cs"):
            read_picks(tmp_path / "a.cs")


# ---------------------------------------------------------------- alignments

SHIFTS = np.array([[10, 0], [0, 10], [-5, 5], [0, 0]])
IN_2D = (("alignments2D/shift", "<f4", (2,)), ("alignments2D/psize_A", "<f4"))
IN_3D = (("alignments3D/shift", "<f4", (2,)), ("alignments3D/psize_A", "<f4"))


def test_shifts_are_subtracted_where_the_fractions_count_in_pixels_of_the_micrograph(tmp_path: Path) -> None:
    table = particles(4, *IN_2D)
    table["alignments2D/shift"], table["alignments2D/psize_A"] = SHIFTS, 3
    path = save(tmp_path / "a.cs", table)
    with pytest.warns(UserWarning, match=r"a\.cs: picks are re-centred by alignments2D/shift, by up to 20 pixels"):
        (picks,) = read_picks(path)
    np.testing.assert_allclose(picks.yx, PLACES + np.array([[0, -20], [20, 0], [10, 10], [0, 0]]), atol=1e-4)


@MOVED
def test_of_several_alignments_that_in_3d_counts(tmp_path: Path) -> None:
    table = particles(4, *IN_2D, *IN_3D)
    table["alignments2D/shift"], table["alignments2D/psize_A"] = 99, 3
    table["alignments3D/shift"], table["alignments3D/psize_A"] = [2, 0], 1.5
    (picks,) = read_picks(save(tmp_path / "a.cs", table))
    np.testing.assert_allclose(picks.yx, PLACES - [0, 2], atol=1e-4)


@MOVED
def test_of_several_classes_the_likeliest_counts(tmp_path: Path) -> None:
    kinds: list[tuple[Any, ...]] = [("shift", "<f4", (2,)), ("psize_A", "<f4"), ("class_posterior", "<f4")]
    table = particles(2, *((f"alignments_class_{i}/{kind[0]}", *kind[1:]) for i in range(2) for kind in kinds))
    for i, posterior in enumerate([[0.9, 0.2], [0.1, 0.8]]):
        table[f"alignments_class_{i}/shift"] = [4 + 4 * i, 0]
        table[f"alignments_class_{i}/psize_A"] = 1.5
        table[f"alignments_class_{i}/class_posterior"] = posterior
    (picks,) = read_picks(save(tmp_path / "a.cs", table))
    np.testing.assert_allclose(picks.yx, PLACES[:2] - [[0, 4], [0, 8]], atol=1e-4)


def test_shifts_without_a_pixel_size_are_not_guessed(tmp_path: Path) -> None:
    table = particles(4, *IN_3D)
    table["alignments3D/shift"], table["alignments3D/psize_A"] = 3, 1.5
    table["location/micrograph_psize_A"] = 0
    with pytest.raises(UserError, match=r"shifted \(alignments3D/shift\).*pixel size"):
        read_picks(save(tmp_path / "a.cs", table))


def known(shape: tuple[int, int] | None) -> Callable[[str, Path], Frame]:
    """Micrographs of 1.5 A."""
    return lambda name, path: Frame(name, shape, 1.5)


@MOVED
@pytest.mark.parametrize(("shape", "pixels"), [(None, 4), (SHAPE, 4), ((2 * H, 2 * W), 2)])
def test_lengths_take_the_pixel_size_that_is_known_of_the_micrograph(
    tmp_path: Path, shape: tuple[int, int] | None, pixels: float
) -> None:
    """Of the micrograph that the fractions are of, which may be binned; what the file says goes before it."""
    table = particles(4, *IN_3D, ("location/min_dist_A", "<f4"))
    table["alignments3D/shift"], table["alignments3D/psize_A"] = [2, 0], 3
    table["location/min_dist_A"], table["location/micrograph_psize_A"] = 60, 0
    path = save(tmp_path / "a.cs", table)
    for (picks,) in (read_picks(path, frame_of=known(shape)), read_group([path], known(shape))):
        np.testing.assert_allclose(picks.yx[:, 1], PLACES[:, 1] - pixels, atol=1e-4)
        np.testing.assert_allclose(picks.diameter, 10 * pixels)
        assert picks.frame.pixel_size is None
    table["location/micrograph_psize_A"] = 6
    (picks,) = read_picks(save(path, table), frame_of=known(shape))
    np.testing.assert_allclose(picks.yx[:, 1], PLACES[:, 1] - 1, atol=1e-4)


def test_two_pixel_sizes_of_one_micrograph_are_refused(tmp_path: Path) -> None:
    table = particles()
    table["location/micrograph_psize_A"][2] = 3
    with pytest.raises(UserError, match=r"a\.cs: rows of J5.* have two pixel sizes"):
        read_picks(save(tmp_path / "a.cs", table))


def test_columns_that_cryosparc_does_not_have_are_named(tmp_path: Path) -> None:
    odd = [("foo/bar", "<f4"), ("alignments3D_multi/shift", "<f4", (2,)), ("my_shift", "<f4")]
    own = ["blob/path", "ctf/df1_A", "mscope_params/accel_kv", "alignments3D/pose", "motion/path", "ctf_stats/x"]
    path = save(tmp_path / "a.cs", particles(4, *odd, *((name, "<f4") for name in own)))
    with pytest.warns(UserWarning, match="passed over: alignments3D_multi/shift, foo/bar, my_shift\\."):
        read_picks(path)


def test_the_mark_of_an_exported_path_is_no_part_of_the_name(tmp_path: Path) -> None:
    (picks,) = read_picks(save(tmp_path / "a.cs", particles(path=b">J2/a.mrc")))
    assert picks.frame.micrograph == "J2/a.mrc"


# ---------------------------------------------------------------- several files

LOCATION = ("location/micrograph_path", "location/micrograph_shape", "location/center_x_frac", "location/center_y_frac")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job whose particles have only their alignment; their locations are passed through, in another order."""
    table = particles(4, *IN_2D)
    table["alignments2D/shift"], table["alignments2D/psize_A"] = [2, 0], 1.5
    save(tmp_path / "particles.cs", only(table, "uid", "alignments2D/shift", "alignments2D/psize_A"))
    save(tmp_path / "passthrough.cs", only(table, "uid", *LOCATION, "location/micrograph_psize_A")[::-1].copy())
    names = {"alignments2D": "particles.cs", "location": "passthrough.cs"}
    lines = [f"  {kind}:\n    metafile: '>{name}'\n    num_items: 4\n" for kind, name in names.items()]
    (tmp_path / "job.csg").write_text("created: 2024-02-30\ngroup:\n  type: particle\nresults:\n" + "".join(lines))
    return tmp_path


@MOVED
def test_particles_and_what_they_passed_through_are_joined(job: Path) -> None:
    """Rows as in the file with the locations, from the bottom; the other has them in another order."""
    for paths in (["particles.cs", "passthrough.cs"], ["passthrough.cs", "particles.cs"], ["job.csg"]):
        (picks,) = read_group([job / name for name in paths])
        order = np.argsort(picks.yx[:, 0])
        np.testing.assert_allclose(picks.yx[order], np.column_stack([H - PLACES[:, 0], PLACES[:, 1] - 2]), atol=1e-4)
    (picks,) = read_picks(job / "job.csg")
    np.testing.assert_allclose(picks.yx, PLACES[::-1] - [0, 2], atol=1e-4)


def test_rows_that_only_one_file_has_are_told(job: Path) -> None:
    save(job / "particles.cs", only(particles(), "uid")[:3])
    with pytest.warns(UserWarning, match=r"particles\.cs: 1 rows are not in both this file and passthrough"):
        (picks,) = read_group([job / "particles.cs", job / "passthrough.cs"])
    assert len(picks) == 3


def test_files_without_a_common_uid_are_read_one_after_the_other(tmp_path: Path) -> None:
    other = particles(2, path=b"b.mrc")
    other["uid"] += 100
    found = read_group([save(tmp_path / "a.cs", particles()), save(tmp_path / "b.cs", other)])
    assert [(picks.frame.micrograph, len(picks)) for picks in found] == [(PATH.decode(), 4), ("b.mrc", 2)]


def test_the_same_picks_given_twice_are_there_once(tmp_path: Path) -> None:
    found = read_group([save(tmp_path / "a.cs", particles()), save(tmp_path / "b.cs", particles())])
    assert [len(picks) for picks in found] == [4]


def test_two_sets_that_we_wrote_of_one_micrograph_are_not_one(tmp_path: Path) -> None:
    """Also where one particle is in both, in the same row."""
    for name, last in (("a", 9.0), ("b", 99.0)):
        write_all([Picks(Frame("m.mrc", SHAPE, 1.5), [[1.0, 2.0], [last, 5.0]])], tmp_path / f"{name}.cs", quiet=True)
    with pytest.raises(UserError, match=r"b\.cs: picks of m\.mrc, of which a\.cs has some, too"):
        read_group([tmp_path / "a.cs", tmp_path / "b.cs"])


def test_one_uid_at_two_places_is_two_particles(tmp_path: Path) -> None:
    a, moved = particles(), particles()
    moved["location/center_x_frac"] += 0.1
    paths = [save(tmp_path / "a.cs", a), save(tmp_path / "b.cs", particles(path=b"b.mrc"))]
    found = read_group(paths)
    assert [(picks.frame.micrograph, len(picks)) for picks in found] == [(PATH.decode(), 4), ("b.mrc", 4)]
    with pytest.raises(UserError, match=r"moved\.cs: picks of J5.*, of which a\.cs has some, too"):
        read_group([paths[0], save(tmp_path / "moved.cs", moved)])
    table = particles(4, *IN_2D)
    shifts = only(table, "uid", "alignments2D/shift", "alignments2D/psize_A")
    with pytest.raises(UserError, match=r"s\.cs: its uids are in a\.cs and in b\.cs, which are two sets"):
        read_group([save(tmp_path / "s.cs", shifts), *paths])


def test_two_alignments_of_the_same_particles_are_not_mixed(job: Path) -> None:
    table = particles(4, *IN_2D)
    table["alignments2D/shift"], table["alignments2D/psize_A"] = [5, 0], 1.5
    save(job / "later.cs", only(table, "uid", "alignments2D/shift", "alignments2D/psize_A"))
    with pytest.raises(UserError, match=r"later\.cs: for the same uids passthrough\.cs has other alignments2D/shift"):
        read_group([job / "particles.cs", job / "passthrough.cs", job / "later.cs"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is not a YAML file"),
        ("a: 1", "is not a group of results"),
        ("results: 5", "is not a group of results"),
        ("results:\n  location: 5\n", "is not a group of results"),
        ("results:\n  location:\n    metafile: '>../a.cs'\n", "'>../a.cs' is no table beside it"),
        ("results:\n  location:\n    metafile: /etc/a.cs\n", "'/etc/a.cs' is no table beside it"),
        ("results:\n  location:\n    metafile: [1]\n", "is no table beside it"),
        ("results:\n  location:\n    metafile: '>gone.cs'\n", r"gone\.cs: there is no such file"),
    ],
)
def test_a_group_that_is_none_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csg").write_text(text)
    with pytest.raises(UserError, match=message):
        read_picks(tmp_path / "a.csg")


def test_a_group_is_written_beside_a_table(tmp_path: Path) -> None:
    picks = [Picks(Frame("a", SHAPE, 1.5), [[1, 2], [3, 4]], label=np.array(["particle", "background"]))]
    path = write_csg(write_all(picks, tmp_path / "p.cs", quiet=True), picks)
    assert path == tmp_path / "p.csg"
    fields = read_fields(path, "")
    assert fields["group"]["type"] == "particle"
    assert fields["results"] == {"location": {"metafile": ">p.cs", "num_items": 1, "type": "particle.location"}}
    np.testing.assert_allclose(read_picks(path)[0].yx, [[1, 2]], atol=1e-4)


def test_exposures_are_a_list_of_micrographs(tmp_path: Path) -> None:
    kinds = [("uid", "<u8"), ("micrograph_blob/path", "S30"), ("micrograph_blob/psize_A", "<f4")]
    table = np.array([(1, b"J2/a.mrc", 1.77), (2, b">J2/b.mrc", 0), (3, b"J2/a.mrc", 1.77)], kinds)
    (tmp_path / "J2").mkdir()
    (tmp_path / "J2" / "a.mrc").touch()
    first, second = read_exposures(save(tmp_path / "J2" / "exposures.cs", table))
    with pytest.raises(UserError, match=r"no locations of particles.*It lists micrographs: name it as such \(--micr"):
        read_picks(tmp_path / "J2" / "exposures.cs")
    assert (first.name, first.path, first.pixel_size) == ("J2/a.mrc", tmp_path / "J2" / "a.mrc", 1.77)
    assert (second.name, second.pixel_size) == ("J2/b.mrc", None)
    movies = np.zeros(2, [("uid", "<u8"), ("movie_blob/path", "S9")])
    with pytest.raises(UserError, match="no micrographs, only movies"):
        read_exposures(save(tmp_path / "movies.cs", movies))


def test_exposures_tell_the_size_of_micrographs(tmp_path: Path) -> None:
    kinds = [("uid", "<u8"), ("micrograph_blob/path", "S9"), ("micrograph_blob/shape", "<u4", (2,))]
    table = np.array([(1, b"a.mrc", (300, 400)), (2, b"b.mrc", (0, 0)), (3, b"a.mrc", (300, 400))], kinds)
    found = read_exposures(save(tmp_path / "e.cs", table))
    assert [(one.name, one.shape) for one in found] == [("a.mrc", (300, 400)), ("b.mrc", None)]
    table["micrograph_blob/shape"][2] = 500
    with pytest.raises(UserError, match=r"e\.cs: 'a\.mrc' is there twice, with other sizes"):
        read_exposures(save(tmp_path / "e.cs", table))


# ---------------------------------------------------------------- tables that are none


def changed(name: str, *kind: Any, value: Any = 0) -> np.ndarray[Any, np.dtype[Any]]:
    """The particles with another kind of column in the place of one."""
    table = particles()
    kinds: list[Any] = [(n, table.dtype[n].base, table.dtype[n].shape) for n in table.dtype.names or () if n != name]
    found = np.zeros(len(table), [*kinds, (name, *kind)])
    for known, *_ in kinds:
        found[known] = table[known]
    if found[name].size and found.dtype[name].base.kind != "V":
        found[name] = value
    return found


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (changed("location/center_x_frac", "S4"), "the column location/center_x_frac has not one number for each row"),
        (changed("location/center_x_frac", "<f4", (2,)), "center_x_frac has not one number"),
        (changed("location/center_x_frac", "<u4", (0,)), "center_x_frac has not one number"),
        (changed("location/center_x_frac", "<c8"), "center_x_frac has not one number"),
        (changed("location/center_x_frac", "M8[s]"), "center_x_frac has not one number"),
        (changed("location/center_x_frac", [("a", "<f4")]), "center_x_frac has not one number"),
        (changed("location/center_x_frac", "<f4", value=np.nan), "picks outside J5/m/"),
        (changed("location/center_y_frac", "<f4", value=3), "picks outside J5/m/"),
        (changed("location/micrograph_shape", "<u4", value=5), "micrograph_shape has not 2 numbers for each row"),
        (changed("location/micrograph_shape", "<u4", (3,), value=5), "micrograph_shape has not 2 numbers"),
        (changed("location/micrograph_shape", "<u4", (2,)), "has no name, or not one size that an image can have"),
        (changed("location/micrograph_shape", "<f8", (2,), value=np.nan), "not one size that an image can have"),
        (changed("location/micrograph_shape", "<u8", (2,), value=10**12), "not one size that an image can have"),
        (changed("location/micrograph_path", "<u4"), "micrograph_path has not one text for each row"),
        (changed("location/micrograph_path", "S9", value=b""), "the micrograph '' has no name"),
        (changed("location/min_dist_A", "<f4", (2, 2)), "min_dist_A has not one number"),
        (changed("pick_stats/ncc_score", "S4"), "ncc_score has not one number"),
        (np.zeros(3, [("uid", "<u8")]), "has no locations of particles"),
        (np.zeros((1, 2), particles().dtype), "no list of rows with named columns"),
        (np.zeros(3), "no list of rows with named columns"),
    ],
)
def test_another_schema_is_one_short_sentence(
    tmp_path: Path, table: np.ndarray[Any, np.dtype[Any]], message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_picks(save(tmp_path / "a.cs", table))
    assert len(str(error.value).replace(str(tmp_path), "")) < 300


def test_a_shape_in_floats_is_a_shape(tmp_path: Path) -> None:
    (picks,) = read_picks(save(tmp_path / "a.cs", changed("location/micrograph_shape", "<f8", (2,), value=SHAPE)))
    assert picks.frame.shape == SHAPE


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("code", [0xFFFFFFFF, 0x110000, 0xD800, 0xDC00])
def test_letters_that_are_none_are_told(tmp_path: Path, order: str, code: int) -> None:
    table = changed("location/micrograph_path", f"{order}U9", value="é.mrc")
    assert read_picks(save(tmp_path / "a.cs", table))[0].frame.micrograph == "é.mrc"
    raw = table["location/micrograph_path"].copy()
    raw.view(f"{order}u4")[4] = code
    damaged = np.array(table)
    damaged["location/micrograph_path"] = raw
    with pytest.raises(UserError, match="micrograph_path has text that is none"):
        read_picks(save(tmp_path / "a.cs", damaged))


def test_objects_are_not_loaded(tmp_path: Path) -> None:
    table = changed("location/micrograph_path", "O", value="a")
    with pytest.raises(UserError, match=r"Python objects .* not loaded\. Save names as bytes"):
        read_picks(save(tmp_path / "a.cs", table, allow_pickle=True))


def test_a_header_that_asks_for_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    raw = numpy_file(particles())
    (tmp_path / "a.cs").write_bytes(raw.replace(b"(4,)", b"(9999999999999,)").replace(b" " * 14, b"", 1)[:-10])
    with pytest.raises(UserError, match=r"a\.cs"):
        read_picks(tmp_path / "a.cs")
    stream = lz4_stream(particles()).replace(b'"length": 4', b'"length": 9' + b"9" * 9)
    stream = stream[:6] + (int.from_bytes(stream[6:10], "little") + 9).to_bytes(4, "little") + stream[10:]
    (tmp_path / "a.cs").write_bytes(stream)
    with pytest.raises(UserError, match="asks for more than there is"):
        read_picks(tmp_path / "a.cs")


def test_archives_and_parquet_are_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.cs", "w") as file:
        file.writestr("a.npy", numpy_file(particles()))
    with pytest.raises(UserError, match="is not a table of cryoSPARC"):
        read_picks(tmp_path / "a.cs")
    (tmp_path / "a.cs").write_bytes(b"PAR1 and more")
    with pytest.raises(UserError, match=r"in Parquet format.*Dataset\.load\(IN\)\.save\(OUT\)"):
        read_picks(tmp_path / "a.cs")


def test_filaments_are_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="filament is passed over"):
        read_picks(save(tmp_path / "a.cs", particles(4, ("filament/filament_uid", "<u8"))))


def test_a_few_particles_beyond_the_edge_do_not_stop_the_others(tmp_path: Path) -> None:
    table = particles()
    table["location/center_x_frac"][0] = 1.01
    assert len(read_picks(save(tmp_path / "a.cs", table))[0]) == 4
