"""The CTF of micrographs from tables of cryoSPARC."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cs_files import PATH, lz4_stream, only, particles, save, snappy_stream
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import CTF
from napari_drpnet.io.ctf_files import read_ctf
from napari_drpnet.jobs.averaging.sources import known_ctf, lists_among

LENS = [(f"ctf/{name}", "<f4") for name in ("accel_kv", "cs_mm", "amp_contrast")]
DEFOCUS = [(f"ctf/{name}", "<f4") for name in ("df1_A", "df2_A", "df_angle_rad", "phase_shift_rad")]
NAMES = [("micrograph_blob/path", "S60"), ("micrograph_blob/psize_A", "<f4")]
OF_A = CTF(15000, 14000, 30, 300, 2.7, 0.1, 45)
OF_B = CTF(22000, 21000, -60, 300, 2.7, 0.1, 0)

Table = np.ndarray[Any, np.dtype[Any]]


def fill(table: Table, which: Any, ctf: CTF) -> None:
    """The columns of some rows, in cryoSPARC's units."""
    table["ctf/df1_A"][which], table["ctf/df2_A"][which] = ctf.defocus_u, ctf.defocus_v
    table["ctf/df_angle_rad"][which] = math.radians(ctf.angle)
    table["ctf/accel_kv"][which], table["ctf/cs_mm"][which] = ctf.voltage, ctf.cs
    table["ctf/amp_contrast"][which] = ctf.amplitude_contrast
    table["ctf/phase_shift_rad"][which] = math.radians(ctf.phase_shift)


def exposures() -> Table:
    table = np.zeros(2, [("uid", "<u8"), *NAMES, *LENS, *DEFOCUS])
    table["uid"] = [101, 102]
    table["micrograph_blob/path"] = [
        b">J2/m/a_patch_aligned_doseweighted.mrc",
        b"J2/m/b_patch_aligned_doseweighted.mrc",
    ]
    fill(table, 0, OF_A)
    fill(table, 1, OF_B)
    return table


def of_particles() -> Table:
    table = particles(4, *LENS, *DEFOCUS)
    fill(table, slice(None), OF_A)
    return table


def check(found: CTF | None, expected: CTF) -> None:
    assert found is not None
    for name, value in vars(expected).items():
        assert getattr(found, name) == pytest.approx(value, abs=2e-3), name


@pytest.mark.parametrize("pack", [None, lz4_stream, snappy_stream])
def test_exposures_tell_the_ctf_of_each_micrograph(tmp_path: Path, pack: Callable[[Table], bytes] | None) -> None:
    """Radians become degrees, and the angle has RELION's sign."""
    path = save(tmp_path / "exposures.cs", exposures())
    if pack:
        path.write_bytes(pack(exposures()))
    known = read_ctf(path)
    check(known.of("a"), OF_A)
    check(known.of("elsewhere/b.mrc"), OF_B)


@pytest.fixture
def apart(tmp_path: Path) -> Path:
    """A job whose exposures have the CTF alone; the names are passed through, in another order."""
    table = exposures()
    save(tmp_path / "exposures.cs", only(table, "uid", *(name for name, _ in (*LENS, *DEFOCUS))))
    save(tmp_path / "passthrough_exposures.cs", only(table, "uid", *(name for name, _ in NAMES))[::-1].copy())
    results = {"ctf": "exposures.cs", "micrograph_blob": "passthrough_exposures.cs"}
    lines = [f"  {kind}:\n    metafile: '>{name}'\n    num_items: 2\n" for kind, name in results.items()]
    (tmp_path / "exposures.csg").write_text("group:\n  type: exposure\nresults:\n" + "".join(lines))
    return tmp_path


@pytest.mark.parametrize("name", ["exposures.csg", ""])
def test_tables_that_have_names_and_ctf_apart_are_joined(apart: Path, name: str) -> None:
    """A folder may also have tables of other things, and broken ones; particles have a defocus of their own."""
    save(apart / "particles.cs", of_particles())
    save(apart / "class_averages.cs", only(particles(), "uid"))
    (apart / "broken.cs").write_bytes(b"\x93NUMPY")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = read_ctf(apart / name)
    check(known.of("a"), OF_A)
    check(known.of("b"), OF_B)
    assert known.of("mic_a") is None
    with pytest.raises(UserError, match=r"exposures\.cs: it names no micrograph that its CTF is of.*\.csg"):
        read_ctf(apart / "exposures.cs")


def test_a_micrograph_has_the_mean_of_its_particles_and_that_is_said_where_they_differ(tmp_path: Path) -> None:
    table = of_particles()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(read_ctf(save(tmp_path / "same.cs", table)).of(PATH.decode()), OF_A)
    fill(table, slice(2, None), CTF(15200, 14200, 30, 300, 2.7, 0.1, 45))
    with pytest.warns(UserWarning, match="in 1 of 1 micrographs particles have a defocus of their own, up to 200 A"):
        known = read_ctf(save(tmp_path / "local.cs", table))
    check(known.of("mic_a"), CTF(15100, 14100, 30, 300, 2.7, 0.1, 45))


def test_the_list_of_the_micrographs_tells_their_ctf_without_being_named_twice(apart: Path) -> None:
    files = [(f"J2/m/{name}_patch_aligned_doseweighted.mrc", apart / name) for name in "ab"]
    known = known_ctf(None, files, lists_among(["some.mrc", str(apart / "exposures.csg")]))
    check(known.of("a"), OF_A)
    check(known.of("b"), OF_B)


def other(**columns: float) -> Table:
    table = exposures()
    for name, value in columns.items():
        table[f"ctf/{name}"] = value
    return table


def of_two_lenses() -> Table:
    table = of_particles()
    table["ctf/accel_kv"][0] = 200
    return table


REFUSED = {
    "no CTF": (lambda: only(exposures(), "uid", "micrograph_blob/path"), "no table has the column ctf/df1_A"),
    "no voltage": (lambda: only(exposures(), "uid", *[n for n, _ in (*NAMES, *DEFOCUS)]), "ctf/accel_kv, .* missing"),
    "not estimated": (lambda: other(df1_A=0, df2_A=0), "has no CTF that can be.*the defocus is 0 and 0 A"),
    "no rows": (lambda: exposures()[:0], "names no micrograph"),
    "two lenses": (of_two_lenses, "ctf/accel_kv of '.*mic_a.mrc' is 200 in one row and 300 in another"),
    "metres": (lambda: other(cs_mm=0.0027e10), r"the cs is 2\.7e"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_tables_without_a_ctf_are_refused_with_a_next_step(tmp_path: Path, kind: str) -> None:
    make, told = REFUSED[kind]
    with pytest.raises(UserError, match=told) as error:
        read_ctf(save(tmp_path / "a.cs", make()))
    assert "a.cs" in str(error.value)
    assert error.value.hint
