"""The CTF of micrographs from the files of RELION, CTFFIND and Gctf, and whose it is."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import CTF, KnownCTF
from napari_drpnet.io.ctf_files import ctf_beside, read_ctf

STAR_31 = """
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnMicrographPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
1 opticsGroup1 0.885 200.0 1.4 0.1
2 opticsGroup2 0.885 300.0 2.7 0.07

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
_rlnCtfImage #3
_rlnDefocusU #4
_rlnDefocusV #5
_rlnCtfAstigmatism #6
_rlnDefocusAngle #7
_rlnCtfFigureOfMerit #8
_rlnCtfMaxResolution #9
_rlnPhaseShift #10
MotionCorr/job002/Movies/a.mrc 1 CtfFind/job003/Movies/a.ctf:mrc 10863.8 10575.7 288.1 77.98 0.13 4.8 0
MotionCorr/job002/Movies/b.mrc 2 CtfFind/job003/Movies/b.ctf:mrc 9836.4 9586.7 249.7 72.03 0.15 3.5 45.5
"""
STAR_GCTF = """
data_

loop_
_rlnMicrographName #1
_rlnCtfImage #2
_rlnDefocusU #3
_rlnDefocusV #4
_rlnDefocusAngle #5
_rlnVoltage #6
_rlnSphericalAberration #7
_rlnAmplitudeContrast #8
_rlnMagnification #9
_rlnDetectorPixelSize #10
_rlnCtfFigureOfMerit #11
_rlnFinalResolution #12
Micrographs/a.mrc Micrographs/a.ctf:mrc 22195.93 22722.04 47.05 300 2.7 0.1 46296 5 0.039 3.97
"""
PARTICLES = """
data_optics

loop_
_rlnOpticsGroup #1
_rlnVoltage #2
_rlnSphericalAberration #3
_rlnAmplitudeContrast #4
1 300.0 2.7 0.1

data_particles

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnMicrographName #3
_rlnOpticsGroup #4
_rlnDefocusU #5
_rlnDefocusV #6
_rlnDefocusAngle #7
10 20 m/a.mrc 1 20300 19700 178
30 20 m/a.mrc 1 20500 19900 2
30 20 m/b.mrc 1 15000 14000 30
"""
CTFFIND = """\
# Output from CTFFind version {version}, run on 2023-03-05 10:08:51
# Input file: {file} ; Number of micrographs: {count}
# Pixel size: 1.000 Angstroms ; acceleration voltage: 300.0 keV ; spherical aberration: 2.70 mm ; amplitude contrast: 0.07
# Box size: 512 pixels ; min. res.: 30.0 Angstroms ; max. res.: 5.0 Angstroms ; min. def.: 5000.0 um; max. def. 50000.0 um
# Columns: #1 - micrograph number; #2 - defocus 1 [Angstroms]; #3 - defocus 2; #4 - azimuth of astigmatism; #5 - additional phase shift [radians]; #6 - cross correlation; #7 - spacing (in Angstroms) up to which CTF rings were fit successfully{more}
"""  # noqa: E501
ROW = "{n:.6f} 10588.083984 9956.687500 -44.710212 {shift:.6f} 0.494779 4.102857\n"
AVROT = CTFFIND.split("# Columns")[0] + "# 6 lines per micrograph: #1 - spatial frequency (1/Angstroms)\n0.0 0.1 0.2\n"
GCTF_LOG = """\
Opening MRC file  a.mrc
--kV                   300.00
--cs                   2.700
--ac                   0.100
--dstep                5.000

 CS[mm], HT[kV], AmpCnst, XMAG, DStep[um]
   2.7    300.0    0.10   46296.3    5.000

Cycle: 12
    22195.00    22722.00       47.00    0.03
**************************************   LAST CYCLE    ************************************************************ *

   Defocus_U   Defocus_V       Angle        CCC
    22195.93    22722.04       47.05    0.039181  Final Values

Resolution limit estimated by EPA: RES_LIMIT 3.972
Estimated Bfactor: B_FACTOR  5.09

......................................  VALIDATION  ......................................
Differences from Original Values:
  RESOLUTION   Defocus_U   Defocus_V     Angle       CCC      CONVERGENCE
  20-08A       -50.77       11.77        5.63        0.01     VALIDATION_SCORE: 5
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def ctffind(file: str = "m/a.mrc", rows: int = 1, shift: float = 0.0, version: str = "4.1.14", more: str = "") -> str:
    header = CTFFIND.format(file=file, count=rows, version=version, more=more)
    return header + "".join(ROW.format(n=n, shift=shift) for n in range(1, rows + 1))


def test_relions_micrographs_have_the_lens_of_their_optics_group(tmp_path: Path) -> None:
    known = read_ctf(written(tmp_path, "micrographs_ctf.star", STAR_31))
    assert len(known) == 2
    assert known.of("MotionCorr/job002/Movies/a.mrc") == CTF(10863.8, 10575.7, 77.98, 200, 1.4, 0.1)
    assert known.of("MotionCorr/job002/Movies/b.mrc") == CTF(9836.4, 9586.7, 72.03, 300, 2.7, 0.07, 45.5)


@pytest.mark.parametrize("name", ["a.mrc", Path("/elsewhere/a.tif"), "a", "000012345678901234567_a_patch_aligned.mrc"])
def test_a_micrograph_is_found_by_what_programs_make_of_its_name(tmp_path: Path, name: str) -> None:
    known = read_ctf(written(tmp_path, "micrographs_ctf.star", STAR_31))
    assert known.of(name) == CTF(10863.8, 10575.7, 77.98, 200, 1.4, 0.1)
    assert known.of("c.mrc") is None


def test_gctf_lists_micrographs_as_relion_3_0_did(tmp_path: Path) -> None:
    known = read_ctf(written(tmp_path, "micrographs_all_gctf.star", STAR_GCTF))
    assert known.of("a.mrc") == CTF(22195.93, 22722.04, 47.05, 300, 2.7, 0.1)


def test_relion_takes_one_defocus_for_both_directions(tmp_path: Path) -> None:
    text = STAR_GCTF.replace("_rlnDefocusV #4", "_rlnOther #4").replace("_rlnDefocusAngle #5", "_rlnAnother #5")
    assert read_ctf(written(tmp_path, "m.star", text)).of("a") == CTF(22195.93, 22195.93, 0, 300, 2.7, 0.1)


def test_a_micrograph_has_the_mean_of_its_particles(tmp_path: Path) -> None:
    """178 and 2 degrees are four degrees apart, so that the mean is 0, not 90."""
    known = read_ctf(written(tmp_path, "particles.star", PARTICLES))
    ctf = known.of("m/a.mrc")
    assert ctf is not None
    assert (ctf.defocus_u + ctf.defocus_v) / 2 == pytest.approx(20100)
    assert ctf.defocus_u - ctf.defocus_v == pytest.approx(600 * np.cos(np.deg2rad(4)))
    assert ctf.angle == pytest.approx(0, abs=1e-6)
    assert known.of("b") == CTF(15000, 14000, 30, 300, 2.7, 0.1)


def test_real_particles_of_relion(shared: Path, tmp_path: Path) -> None:
    """As they are, they contradict each other: some were seen at 200 kV, some at 300."""
    path = shared / "formats/sample_particles_relion30.star"
    with pytest.raises(UserError, match=r"rlnVoltage of 'micrograph\.mrc' is 200 in one row and 300 in another"):
        read_ctf(path)
    known = read_ctf(written(tmp_path, "p.star", path.read_text().replace("   200.000000", "   300.000000")))
    assert known.of("micrograph.mrc") == CTF(21186.804688, 21363.109375, 7.476096, 300, 2.7, 0.1)


@pytest.mark.parametrize("version", ["4.1.14", "5.0.2"])
def test_ctffind_tells_whose_result_it_is(tmp_path: Path, version: str) -> None:
    more = "; #8 - Estimated tilt axis angle; #9 - Estimated tilt angle ; #10 Estimated sample thickness"
    text = ctffind("/data/m/a.mrc", shift=0.5, version=version, more=more if version[0] == "5" else "")
    if version[0] == "5":
        text = text.rstrip("\n") + " 221.912292 12.251187 1619.773438\n"
    ctf = read_ctf(written(tmp_path, "diagnostic_output.txt", text)).of("m/a.mrc")
    assert ctf == CTF(10588.083984, 9956.6875, -44.710212, 300, 2.7, 0.07, np.rad2deg(0.5))


def test_ctffind_on_a_copy_is_told_by_its_own_name(tmp_path: Path) -> None:
    known = read_ctf(written(tmp_path, "a.txt", ctffind("/scratch/tmp1234.mrc")))
    assert known.of("Micrographs/a.mrc") is not None
    assert known.of("Micrographs/b.mrc") is None


def test_a_stack_has_a_row_for_each_image(tmp_path: Path) -> None:
    text = ctffind("stack.mrcs", rows=2) + ROW.format(n=3, shift=0).replace("10588.083984", "20000.0")
    known = read_ctf(written(tmp_path, "stack.txt", text))
    assert len(known) == 3
    third = known.of("000003@stack.mrcs")
    assert third is not None
    assert third.defocus_u == 20000
    assert known.of("stack.mrcs") is None
    assert known.of("000004@stack.mrcs") is None


def test_one_result_is_that_of_all_images_of_a_file(tmp_path: Path) -> None:
    known = read_ctf(written(tmp_path, "movie.txt", ctffind("movie.mrcs")))
    assert known.of("000007@movie.mrcs") == known.of("movie.mrcs") != None  # noqa: E711


def test_gctfs_log_has_final_values(tmp_path: Path) -> None:
    known = read_ctf(written(tmp_path, "a_gctf.log", GCTF_LOG))
    assert known.of("a.mrc") == CTF(22195.93, 22722.04, 47.05, 300, 2.7, 0.1)


def test_gctfs_log_with_a_phase_plate_and_without_the_card(tmp_path: Path) -> None:
    text = GCTF_LOG.replace("Angle        CCC\n", "Angle   Phase_shift     CCC\n", 1).replace(
        "47.05    0.039181", "47.05   88.1   0.039181"
    )
    text = text.replace(" CS[mm], HT[kV], AmpCnst, XMAG, DStep[um]\n   2.7    300.0    0.10   46296.3    5.000\n", "")
    known = read_ctf(written(tmp_path, "a_gctf.log", text))
    assert known.of("a") == CTF(22195.93, 22722.04, 47.05, 300, 2.7, 0.1, 88.1)


def test_a_folder_of_ctffinds_files_is_read_without_what_else_lies_in_it(tmp_path: Path) -> None:
    for name in "ab":
        written(tmp_path, f"{name}.txt", ctffind(f"m/{name}.mrc"))
        written(tmp_path, f"{name}_avrot.txt", AVROT.format(version="4.1.14", file=f"m/{name}.mrc", count=1))
    written(tmp_path, "notes.txt", "nothing\n")
    written(tmp_path, "c_gctf.log", GCTF_LOG)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = read_ctf(tmp_path)
    assert len(known) == 3
    assert [known.of(name) is not None for name in "abcd"] == [True, True, True, False]


def test_a_list_in_a_folder_goes_before_the_single_files(tmp_path: Path) -> None:
    written(tmp_path, "a.txt", ctffind("a.mrc"))
    written(tmp_path, "micrographs_ctf.star", STAR_31)
    written(tmp_path, "job.star", "data_job\n\n_rlnJobTypeLabel relion.ctffind\n")
    ctf = read_ctf(tmp_path).of("a")
    assert ctf is not None
    assert ctf.defocus_u == 10863.8


def test_damaged_files_of_a_folder_are_told_of(tmp_path: Path) -> None:
    written(tmp_path, "a.txt", ctffind("a.mrc"))
    written(tmp_path, "b.txt", ctffind("b.mrc", rows=0))
    with pytest.warns(UserWarning, match=r"1 of 2 files are left out: .*b\.txt: CTFFIND wrote no result into it"):
        known = read_ctf(tmp_path)
    assert known.of("a") is not None
    assert known.of("b") is None


def test_results_beside_micrographs_are_found(tmp_path: Path) -> None:
    written(tmp_path / "m", "a.txt", ctffind("/scratch/1.mrc"))
    known = ctf_beside([tmp_path / "m" / "a.mrc", tmp_path / "m" / "b.mrc", tmp_path / "n" / "c.mrc"])
    assert known.of(tmp_path / "m" / "a.mrc") is not None
    assert known.of(tmp_path / "m" / "b.mrc") is None
    assert len(ctf_beside([tmp_path / "n" / "c.mrc"])) == 0


SINGLE = STAR_GCTF.replace("Micrographs/a.mrc Micrographs/a.ctf:mrc", "a.mrc a.ctf")
IMPOSSIBLE = {
    "not a number": ("22195.93", "nan", "the defocus u is nan"),
    "infinite": ("22195.93", "inf", "the defocus u is inf"),
    "micrometres": ("22195.93 22722.04", "2.2 2.3", r"the defocus is 2\.2 and 2\.3 A"),
    "far": ("22195.93 22722.04", "2e6 2e6", "the defocus is 2e"),
    "negative voltage": ("300 2.7", "-300 2.7", "the voltage is -300 kV"),
    "volts": ("300 2.7", "300000 2.7", "the voltage is 300000 kV"),
    "aberration in A": ("300 2.7", "300 2.7e7", "the cs is 2.7e"),
    "contrast in percent": ("2.7 0.1", "2.7 10", "the amplitude contrast is 10"),
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_what_cannot_be_is_refused(tmp_path: Path, kind: str) -> None:
    before, after, told = IMPOSSIBLE[kind]
    assert before in SINGLE
    with pytest.raises(UserError, match=rf"m\.star has no CTF that can be\. Of 'a\.mrc': {told}.*estimate"):
        read_ctf(written(tmp_path, "m.star", SINGLE.replace(before, after)))


def test_one_that_cannot_be_does_not_cost_the_others(tmp_path: Path) -> None:
    path = written(tmp_path, "m.star", STAR_31.replace("9836.4 9586.7", "nan nan"))
    with pytest.warns(UserWarning, match=r"1 of 2 CTFs cannot be, and are left out\. Of '.*b\.mrc': the defocus u"):
        known = read_ctf(path)
    assert known.of("a") is not None
    assert known.of("b") is None


REFUSED = {
    "no CTF": ("a.star", STAR_31.replace("rlnDefocusU", "rlnOther"), "no table has the column rlnDefocusU.*CTF job"),
    "no voltage": ("a.star", STAR_31.replace("rlnVoltage", "rlnOther"), "a CTF needs rlnVoltage"),
    "no names": ("a.star", STAR_GCTF.replace("rlnMicrographName", "rlnOther"), "lacks rlnMicrographName"),
    "no rows": ("a.star", STAR_GCTF.split("Micrographs/a.mrc")[0], "lists no micrograph"),
    "words": ("a.star", STAR_GCTF.replace("22195.93", "far"), "'far' in the column rlnDefocusU is not a number"),
    "a profile": ("a_avrot.txt", AVROT.format(version="4", file="a", count=1), "profiles, not the defocus.*_avrot"),
    "no header": ("a.txt", ROW.format(n=1, shift=0), "tells no CTF.*micrographs_ctf.star"),
    "no lens": ("a.txt", ctffind().replace("acceleration voltage", "voltage"), "the acceleration voltage is not in"),
    "a cut row": ("a.txt", ctffind()[:-40], "a row has 3 columns"),
    "words in a row": ("a.txt", ctffind().replace("9956.687500", "x"), "'x' is not a number"),
    "nan in a row": ("a.txt", ctffind().replace("9956.687500", "nan"), "the defocus v is nan"),
    "an unfinished log": ("a_gctf.log", GCTF_LOG.replace("Final Values", ""), "no final values"),
    "a log without lens": ("a_gctf.log", GCTF_LOG.replace("CS[mm]", "").replace("--ac", ""), "does not tell --ac"),
    "bytes": ("a.txt", "\0\1\2", "not a text file"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_bad_files_are_refused_with_a_next_step(tmp_path: Path, kind: str) -> None:
    name, text, told = REFUSED[kind]
    with pytest.raises(UserError, match=told) as error:
        read_ctf(written(tmp_path, name, text))
    assert name in str(error.value)
    assert error.value.hint


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "notes.txt", "nothing\n")
    with pytest.raises(UserError, match="no file in this folder tells the CTF"):
        read_ctf(tmp_path)
    with pytest.raises(UserError, match="there is no such file"):
        read_ctf(tmp_path / "none.star")


LENS = CTF(15000, 14000, 30, 300, 2.7, 0.1)


def test_of_several_micrographs_that_are_alike_none_is_guessed() -> None:
    known = KnownCTF({"g1/a.mrc": LENS, "g2/a.mrc": LENS})
    assert known.of("a.mrc") is None
    assert known.of("x/g2/a.mrc") == LENS


def test_each_ctf_is_that_of_one_micrograph_at_most() -> None:
    """By itself ``a_tilted`` would be found for ``a``, as a program may have put the word there."""
    known = KnownCTF({"a.mrc": LENS}, where="ctf.star")
    with pytest.warns(UserWarning, match=r"ctf\.star: it has no CTF for 1 of 2 micrographs: 'm/a_tilted\.mrc'"):
        settled = known.settled(["m/a.mrc", "m/a_tilted.mrc"])
    assert settled.of("m/a.mrc") == LENS
    assert settled.of("m/a_tilted.mrc") is None


def test_a_spectrum_that_relion_gave_to_ctffind_is_its_micrographs(tmp_path: Path) -> None:
    known = read_ctf(written(tmp_path, "x.txt", ctffind("CtfFind/job003/Movies/a_PS.mrc")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert known.settled(["Movies/a.mrc"]).of("Movies/a.mrc") is not None


def test_names_that_may_be_of_several_micrographs_are_refused() -> None:
    known = KnownCTF({"a.mrc": LENS}, where="ctf.star")
    with pytest.raises(UserError, match=r"ctf\.star: 'a\.mrc' may be"):
        known.settled(["g1/a.mrc", "g2/a.mrc"])
