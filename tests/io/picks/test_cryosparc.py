"""cryoSPARC's files: tables of any schema, alignments, groups of files, and lists of exposures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from napari_drpnet import Frame, Picks, UserError, read_picks, write_picks
from napari_drpnet.io.picks.cryosparc_group import read_exposures, read_group, write_csg

H, W = 4092, 5760
NAME = b"J5/motioncorrected/001234567890123456789_mic_a_patch_aligned_doseweighted.mrc"
LOCATION: list[Any] = [
    ("uid", "<u8"),
    ("location/micrograph_path", f"S{len(NAME)}"),
    ("location/micrograph_shape", "<u4", (2,)),
    ("location/center_x_frac", "<f4"),
    ("location/center_y_frac", "<f4"),
    ("location/micrograph_psize_A", "<f4"),
]
WHERE = [(576.0, 3682.8), (1152.0, 2046.0), (1728.0, 3069.0)]
SHIFTS = [[10, 0], [0, 10], [-5, 5]]


def table(*more: Any, fields: list[Any] = LOCATION, **values: Any) -> np.ndarray:
    rows = np.zeros(3, [*fields, *more])
    known = {
        "uid": [7, 8, 9],
        "location/micrograph_path": NAME,
        "location/micrograph_shape": (H, W),
        "location/center_x_frac": [0.1, 0.2, 0.3],
        "location/center_y_frac": [0.1, 0.5, 0.25],
        "location/micrograph_psize_A": 0.83,
    }
    for name, value in (known | values).items():
        if name in rows.dtype.names:
            rows[name] = value
    return rows


def save(path: Path, rows: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.save(file, rows)
    return path


def places(found: list[Picks]) -> list[tuple[float, float]]:
    (picks,) = found
    return [(round(float(x), 1), round(float(y), 1)) for y, x in picks.yx]


def alignment(kind: str) -> list[Any]:
    return [(f"{kind}/shift", "<f4", (2,)), (f"{kind}/psize_A", "<f4")]


def test_the_names_of_a_hundred_classes_are_no_obstacle(tmp_path: Path):
    kinds = [f"alignments_class3D_{i}" for i in range(100)]
    more = [field for kind in kinds for field in (*alignment(kind), (f"{kind}/class_posterior", "<f4"))]
    assert places(read_picks(save(tmp_path / "a.cs", table(*more)))) == WHERE


@pytest.mark.parametrize("kind", ["alignments2D", "alignments3D"])
def test_alignment_moves_particles_as_origins_of_relion_do(tmp_path: Path, kind: str):
    """By x - shift and y - shift, as in RELION's files; shifts are in pixels of the particle's image."""
    rows = table(*alignment(kind), **{f"{kind}/shift": SHIFTS, f"{kind}/psize_A": 3.32})
    with pytest.warns(UserWarning, match="moved to the centre that their alignment found"):
        found = read_picks(save(tmp_path / "a.cs", rows))
    assert places(found) == [(x - 4 * dx, y - 4 * dy) for (x, y), (dx, dy) in zip(WHERE, SHIFTS, strict=True)]


def test_3d_goes_before_2d_and_the_likeliest_class_counts(tmp_path: Path):
    both = table(
        *(*alignment("alignments2D"), *alignment("alignments3D")),
        **{"alignments2D/shift": [[99, 99]] * 3, "alignments3D/shift": SHIFTS, "alignments3D/psize_A": 0.83},
    )
    classes = ["alignments_class3D_0", "alignments_class3D_1"]
    several = table(
        *(field for kind in classes for field in (*alignment(kind), (f"{kind}/class_posterior", "<f4"))),
        **{f"{classes[0]}/shift": SHIFTS, f"{classes[1]}/shift": [[50, 50]] * 3},
        **{f"{classes[0]}/class_posterior": [0.9, 0.9, 0.1], f"{classes[1]}/class_posterior": [0.1, 0.1, 0.9]},
        **{f"{kind}/psize_A": 0.83 for kind in classes},
    )
    moved = [(x - dx, y - dy) for (x, y), (dx, dy) in zip(WHERE, SHIFTS, strict=True)]
    with pytest.warns(UserWarning, match="moved"):
        assert places(read_picks(save(tmp_path / "a.cs", both))) == moved
    with pytest.warns(UserWarning, match="moved"):
        assert places(read_picks(save(tmp_path / "b.cs", several))) == [*moved[:2], (1678, 3019)]


def test_shifts_of_unknown_size_move_nothing_and_are_told(tmp_path: Path):
    rows = table(*alignment("alignments2D"), **{"alignments2D/shift": SHIFTS})
    with pytest.warns(UserWarning, match="they stay where they were picked"):
        assert places(read_picks(save(tmp_path / "a.cs", rows))) == WHERE


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("location/micrograph_path", "<f4"),
        ("location/micrograph_shape", "<u4"),
        ("location/micrograph_shape", "S9"),
        ("location/center_x_frac", "S9"),
        ("location/center_y_frac", "<c8"),
        ("location/micrograph_psize_A", "M8[s]"),
    ],
)
def test_another_schema_is_refused_in_one_sentence(tmp_path: Path, name: str, kind: str):
    fields = [(name, kind) if field[0] == name else field for field in LOCATION]
    rows, sound = np.zeros(3, fields), table()
    for other in set(sound.dtype.names) - {name}:
        rows[other] = sound[other]
    with pytest.raises(UserError, match=f"{name}.* of another kind") as error:
        read_picks(save(tmp_path / "a.cs", rows))
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("shape", [(0, 5), (2**31, 9)])
def test_a_micrograph_of_no_possible_size_is_refused(tmp_path: Path, shape: tuple[int, int]):
    with pytest.raises(UserError, match="not one size"):
        read_picks(save(tmp_path / "a.cs", table(**{"location/micrograph_shape": shape})))


class TestGroups:
    def parts(self, folder: Path) -> list[Path]:
        """Particles without locations, and what was passed through, in another order and with one particle more."""
        particles = table(*alignment("alignments2D"), fields=LOCATION[:1])
        passed = table()[[2, 0, 1, 1]]
        passed["uid"][3] = 99
        return [save(folder / "particles.cs", particles), save(folder / "passthrough.cs", passed)]

    def test_files_of_one_job_are_joined_by_the_numbers_of_particles(self, tmp_path: Path):
        parts = self.parts(tmp_path)
        with pytest.raises(UserError, match=r"no locations.*passthrough"):
            read_picks(parts[0])
        assert places(read_picks(save(tmp_path / "all.cs", table()))) == WHERE
        (picks,) = read_group(parts)
        assert [(round(float(x), 1), round(H - float(y), 1)) for y, x in picks.yx] == WHERE

    def test_a_group_names_them(self, tmp_path: Path):
        self.parts(tmp_path)
        results = {f"r{i}": {"metafile": f">{name}.cs"} for i, name in enumerate(("particles", "passthrough"))}
        (tmp_path / "a.csg").write_text(yaml.safe_dump({"group": {"type": "particle"}, "results": results}))
        assert places(read_picks(tmp_path / "a.csg")) == WHERE

    def test_files_of_other_particles_are_refused(self, tmp_path: Path):
        other = save(tmp_path / "b.cs", table(uid=[1, 2, 3]))
        with pytest.raises(UserError, match="no particle in common"):
            read_group([save(tmp_path / "a.cs", table()), other])
        twice = save(tmp_path / "c.cs", table(uid=[7, 7, 8]))
        with pytest.raises(UserError, match="a particle is in it twice"):
            read_group([twice, other])

    @pytest.mark.parametrize("name", ["../a.cs", ">/etc/passwd", "", 5, None, [">a.cs"]])
    def test_a_group_reads_its_own_folder_only(self, tmp_path: Path, name: Any):
        (tmp_path / "a.csg").write_text(yaml.safe_dump({"results": {"location": {"metafile": name}}}))
        with pytest.raises(UserError, match="is not the name of a file in its folder"):
            read_picks(tmp_path / "a.csg")

    def test_what_is_written_is_read(self, tmp_path: Path):
        found = [Picks(Frame("a.mrc", (100, 200), 1.5), [[10, 20], [30, 40]], score=0.5, diameter=20)]
        path = write_picks(found[0], tmp_path / "particles.cs")
        group = write_csg(path, found)
        said = yaml.safe_load(group.read_text())
        assert said["group"]["type"] == "particle"
        assert said["results"]["location"] == {
            "metafile": ">particles.cs",
            "num_items": 2,
            "type": "particle.location",
        }
        assert set(said["results"]) == {"location", "pick_stats"}
        (picks,) = read_picks(group)
        np.testing.assert_allclose(picks.yx, found[0].yx, atol=1e-3)


def test_exposures_are_a_list_of_micrographs(tmp_path: Path):
    fields = [("uid", "<u8"), ("micrograph_blob/path", "S20"), ("micrograph_blob/psize_A", "<f4")]
    rows = np.array([(1, b"J2/a.mrc", 0.83), (2, b">J2/b.mrc", 0), (1, b"J2/a.mrc", 0.83)], fields)
    found = read_exposures(save(tmp_path / "exposures.cs", rows))
    assert [(entry.name, entry.pixel_size) for entry in found] == [("J2/a.mrc", 0.83), ("J2/b.mrc", None)]
    with pytest.raises(UserError, match="lists no micrographs"):
        read_exposures(save(tmp_path / "a.cs", table()))
