"""Class averages as RELION has them; that RELION reads them is in tests/interop."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.class_files import ClassRow, Members, Sampling, mirror_image, write_classes
from napari_drpnet.io.ctf import CTF, KnownCTF
from napari_drpnet.io.ctf_files import read_ctf
from napari_drpnet.io.picks.formats import read_picks
from napari_drpnet.io.star_table import Table, read_tables
from napari_drpnet.io.templates import read_templates

AVERAGES = np.random.default_rng(0).standard_normal((3, 8, 8)).astype(np.float32)
ROWS = [ClassRow(0.5, 12.5), ClassRow(0.3), ClassRow(0.2, 20.0)]
LENS = CTF(15000, 14000, 30, 300, 2.7, 0.1)
BOTH = KnownCTF({"m/a.mrc": LENS, "m/b.mrc": replace(LENS, defocus_u=17000, phase_shift=45)})


def members(name: str = "m/a.mrc", numbers: Sequence[int] = (1, 2, 1), **columns: Any) -> Members:
    n = len(numbers)
    yx = np.array([[40.25, 50.0], [70.5, 30.75], [20.0, 90.0], [60.0, 60.0]])[:n]
    picks = Picks(Frame(name, (100, 120), 2.0), yx, score=0.75, class_number=numbers, psi=np.arange(n) * 40.0)
    given = {"mirrored": np.zeros(n, bool), "shift": np.tile([3.0, -5.0], (n, 1))} | columns
    return Members(picks, **given)


def write(out: Path, *found: Members, **options: Any) -> dict[str, Table]:
    """The tables of all three STAR files, by name."""
    model = write_classes(out, AVERAGES, 5.0, ROWS, found, **{"diameter": 150.0, "ctf": BOTH} | options)
    assert model == out / "run_model.star"
    files = [out / f"run_{kind}.star" for kind in ("model", "data", "optimiser")]
    return {table.name: table for file in files for table in read_tables(file)}


def test_averages_are_templates_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "new" / "out", members())
    templates = read_templates(tmp_path / "new" / "out" / "averages.mrcs")
    np.testing.assert_array_equal(templates.images, AVERAGES)
    assert templates.pixel_size == 5.0


def test_each_class_has_its_average_share_and_resolution(tmp_path: Path) -> None:
    tables = write(tmp_path, members())
    classes, general = tables["model_classes"], tables["model_general"]
    assert classes.texts("rlnReferenceImage")[2] == f"000003@{tmp_path}/averages.mrcs"
    np.testing.assert_allclose(classes.numbers("rlnClassDistribution"), [0.5, 0.3, 0.2])
    np.testing.assert_allclose(classes.numbers("rlnEstimatedResolution"), [12.5, 999, 20])
    assert general.texts("rlnNrClasses") == ["3"]
    assert general.numbers("rlnPixelSize") == 5.0
    assert general.numbers("rlnCurrentResolution") == 12.5


def test_particles_are_where_picks_and_shifts_say(tmp_path: Path) -> None:
    """Whole pixels for RELION, and what was rounded away is in the origin: together they tell the place as it was."""
    found = members(numbers=(1, 2, 1))
    particles = write(tmp_path, found)["particles"]
    x, y = particles.numbers("rlnCoordinateX"), particles.numbers("rlnCoordinateY")
    np.testing.assert_array_equal([y, x], np.floor(found.picks.yx + 0.5).T)
    centre = np.column_stack(
        [y - particles.numbers("rlnOriginYAngst") / 2.0, x - particles.numbers("rlnOriginXAngst") / 2.0]
    )
    np.testing.assert_allclose(centre, found.picks.yx + found.shift / 2.0, atol=1e-5)
    np.testing.assert_allclose(particles.numbers("rlnAnglePsi"), [0, 40, 80])
    np.testing.assert_allclose(particles.numbers("rlnAutopickFigureOfMerit"), 0.75)
    assert particles.texts("rlnMicrographName") == ["m/a.mrc"] * 3


def test_our_own_reader_reads_the_particles(tmp_path: Path) -> None:
    found = [members(), members("m/b.mrc", (3,))]
    write(tmp_path, *found)
    back = read_picks(tmp_path / "run_data.star")
    assert [picks.frame.micrograph for picks in back] == ["m/a.mrc", "m/b.mrc"]
    assert back[0].frame.pixel_size == 2.0
    for picks, one in zip(back, found, strict=True):
        assert np.abs(picks.yx - (one.picks.yx + one.shift / 2.0)).max() <= 1
        np.testing.assert_array_equal(picks.class_number, one.picks.class_number)
    assert read_ctf(tmp_path / "run_data.star").of("m/a.mrc") == LENS


def test_mirrored_members_are_a_class_of_their_own(tmp_path: Path) -> None:
    mirrored = np.array([True, False, False, True])
    tables = write(tmp_path, members(numbers=(1, 1, 1, 3), mirrored=mirrored))
    averages = mrcfile.read(tmp_path / "averages.mrcs")
    assert len(averages) == 5
    np.testing.assert_array_equal(averages[3:], mirror_image(AVERAGES[[0, 2]]))
    assert tables["particles"].texts("rlnClassNumber") == ["4", "1", "1", "5"]
    shares = tables["model_classes"].numbers("rlnClassDistribution")
    np.testing.assert_allclose(shares, [0.5 * 2 / 3, 0.3, 0, 0.5 / 3, 0.2], atol=1e-6)
    np.testing.assert_allclose(tables["model_classes"].numbers("rlnEstimatedResolution"), [12.5, 999, 20, 12.5, 20])
    assert tables["model_general"].texts("rlnNrClasses") == ["5"]


@pytest.mark.parametrize("side", [8, 9])
def test_a_mirror_image_keeps_the_middle_pixel(side: int) -> None:
    image = np.zeros((side, side), np.float32)
    image[2, side // 2] = 1
    image[3, side // 2 + 2] = 2
    mirrored = mirror_image(image)
    assert mirrored[2, side // 2] == 1
    assert mirrored[3, side // 2 - 2] == 2
    np.testing.assert_array_equal(mirror_image(mirrored), image)


def test_picks_in_no_class_are_left_out(tmp_path: Path) -> None:
    found = members(numbers=(0, 2, 0, 1), images=[f"00000{i}@p.mrcs" for i in range(1, 5)])
    particles = write(tmp_path, found)["particles"]
    assert particles.texts("rlnClassNumber") == ["2", "1"]
    assert particles.texts("rlnImageName") == ["000002@p.mrcs", "000004@p.mrcs"]
    np.testing.assert_allclose(particles.numbers("rlnAnglePsi"), [40, 120])


def test_what_relion_would_stop_at_is_left_out_with_its_row(tmp_path: Path) -> None:
    found = members(numbers=(1, 2, 3))
    yx = found.picks.yx.copy()
    yx[0] = -30, 10
    label = np.array(["particle", "background", "particle"])
    found = replace(found, picks=replace(found.picks, yx=yx, label=label), shift=np.array([[1, 1], [2, 2], [3, 3.0]]))
    with pytest.warns(UserWarning, match=r"run_data\.star: 1 picks (labelled background|outside the micrograph)"):
        particles = write(tmp_path, found)["particles"]
    assert particles.texts("rlnClassNumber") == ["3"]
    np.testing.assert_allclose(particles.numbers("rlnOriginXAngst"), [-3])


def test_images_of_particles_have_a_sampling_of_their_own(tmp_path: Path) -> None:
    names = ["000001@s/p.mrcs", "000002@s/p.mrcs", "000003@s/p.mrcs"]
    tables = write(tmp_path, members(images=names), images=Sampling(64, 4.0))
    assert tables["particles"].texts("rlnImageName") == names
    optics = tables["optics"]
    assert (optics.numbers("rlnImagePixelSize"), optics.texts("rlnImageSize")) == (4.0, ["64"])
    assert optics.numbers("rlnMicrographPixelSize") == 2.0
    without = write(tmp_path, members())
    assert "rlnImageName" not in without["particles"]
    assert (without["optics"].numbers("rlnImagePixelSize"), without["optics"].texts("rlnImageSize")) == (5.0, ["8"])


def test_the_ctf_of_a_micrograph_is_in_each_row(tmp_path: Path) -> None:
    tables = write(tmp_path, members(), members("m/b.mrc", (1,)))
    particles, optics = tables["particles"], tables["optics"]
    np.testing.assert_allclose(particles.numbers("rlnDefocusU"), [15000, 15000, 15000, 17000])
    np.testing.assert_allclose(particles.numbers("rlnDefocusV"), 14000)
    np.testing.assert_allclose(particles.numbers("rlnDefocusAngle"), 30)
    np.testing.assert_allclose(particles.numbers("rlnPhaseShift"), [0, 0, 0, 45])
    assert particles.texts("rlnOpticsGroup") == ["1"] * 4
    assert particles.texts("rlnGroupNumber") == ["1", "1", "1", "2"]
    assert (optics.numbers("rlnVoltage"), optics.numbers("rlnSphericalAberration")) == (300, 2.7)


def test_without_all_ctfs_there_is_none(tmp_path: Path) -> None:
    lens = {"rlnVoltage": "200", "rlnSphericalAberration": "1.4", "rlnAmplitudeContrast": "0.1"}
    lenses = {"m/a.mrc": lens, "m/c.mrc": lens}
    with pytest.warns(UserWarning, match=r"it has no CTF, as that of some micrographs is not known: 'm/c\.mrc'"):
        tables = write(tmp_path, members(), members("m/c.mrc", (1,)), lenses=lenses)
    assert "rlnDefocusU" not in tables["particles"]
    assert tables["optics"].texts("rlnVoltage") == ["200"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "rlnDefocusU" not in write(tmp_path, members(), ctf=None, lenses=lenses)["particles"]


def test_without_the_lens_people_are_told_that_relion_does_not_read_it(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"RELION reads it only with rlnVoltage, rlnSphericalAberration"):
        write(tmp_path, members(), ctf=None)


def test_a_micrograph_whose_picks_are_in_no_class_costs_nothing(tmp_path: Path) -> None:
    """Not even the CTF of the others, where its own is not known."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables = write(tmp_path, members("m/c.mrc", numbers=(0, 0)), members("m/b.mrc", (2,)))
    assert tables["particles"].texts("rlnMicrographName") == ["m/b.mrc"]
    assert "rlnDefocusU" in tables["particles"]
    assert tables["model_groups"].texts("rlnGroupName") == ["m/b.mrc"]


def test_names_start_at_the_project_where_there_is_one(tmp_path: Path) -> None:
    tables = write(tmp_path / "Class2D/job001", members(), root=tmp_path)
    assert tables["model_classes"].texts("rlnReferenceImage")[0] == "000001@Class2D/job001/averages.mrcs"
    optimiser = tables["optimiser_general"]
    assert optimiser.texts("rlnModelStarFile") == ["Class2D/job001/run_model.star"]
    assert optimiser.texts("rlnExperimentalDataStarFile") == ["Class2D/job001/run_data.star"]
    assert optimiser.numbers("rlnParticleDiameter") == 150


def test_a_folder_with_a_space_is_quoted(tmp_path: Path) -> None:
    tables = write(tmp_path / "my classes", members())
    assert tables["model_classes"].texts("rlnReferenceImage")[0] == f"000001@{tmp_path}/my classes/averages.mrcs"


def test_the_same_classes_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a", members(), root=tmp_path / "a")
    write(tmp_path / "b", members(), root=tmp_path / "b")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_bad_input_is_refused_with_a_next_step(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none of the picks is in a class"):
        write(tmp_path, members(numbers=(0, 0)))
    unknown = members()
    unknown = replace(unknown, picks=replace(unknown.picks, frame=Frame("m/a.mrc", (100, 120))))
    with pytest.raises(UserError, match=r"need the pixel size, and that of 'm/a\.mrc' is not known"):
        write(tmp_path, unknown)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "file" / "out", members())
