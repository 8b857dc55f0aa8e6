"""RELION reads CTF and class averages as we mean them: signs, turns, shifts, mirrors, and what a person selects."""

import subprocess
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import scipy.ndimage

from napari_drpnet import Frame, Picks
from napari_drpnet.averaging.phases import phase_sign
from napari_drpnet.io.class_files import ClassRow, Members, Sampling, mirror_image, write_classes
from napari_drpnet.io.ctf import CTF, KnownCTF
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.star_table import read_tables

SIDE, PIXEL_SIZE = 48, 2.5
MICROGRAPH = "Micrographs/a.mrc"
ASTIGMATIC = CTF(21000, 15000, 30, 300, 2.7, 0.1)


def run(folder: Path, *command: object) -> str:
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# ---------------------------------------------------------------- CTF


@pytest.mark.parametrize(
    "ctf",
    [
        ASTIGMATIC,
        replace(ASTIGMATIC, angle=-70, phase_shift=60),
        CTF(9000, 12000, 100, 200, 1.4, 0.07),
        CTF(-15000, -15000, 0, 300, 0.01, 0.1),  # the program takes a negative second defocus for none
    ],
    ids=["astigmatic", "phase plate", "200 kV", "overfocus"],
)
@pytest.mark.usefixtures("relion")
def test_signs_are_those_of_relion(tmp_path: Path, ctf: CTF) -> None:
    box, size = 128, 1.5
    command = ["relion_ctf_toolbox", "--simulate", "ctf.mrc", "--box", box, "--angpix", size]
    command += ["--kV", ctf.voltage, "--Q0", ctf.amplitude_contrast, "--Cs", ctf.cs, "--phase_shift", ctf.phase_shift]
    run(tmp_path, *command, "--defU", ctf.defocus_u, "--defV", ctf.defocus_v, "--defAng", ctf.angle)
    theirs = np.fft.ifftshift(mrcfile.read(tmp_path / "ctf.mrc"))[:, : box // 2]
    ours = phase_sign((box, box), size, ctf)[:, : box // 2]
    clear = np.abs(theirs) > 0.01
    clear[box // 2] = False  # the sign of a frequency at Nyquist is open
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(ours[clear], np.sign(theirs[clear]))


# ---------------------------------------------------------------- classes


def view() -> np.ndarray:
    """A picture that no turn and no mirror brings onto itself."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    spots = ((-8, -2, 3, 1.0), (6, 5, 2.5, 1.5), (5, -8, 2, 0.8), (0, 0, 7, 0.5))
    image = sum(a * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s**2)) for cy, cx, s, a in spots)
    return np.asarray(image, np.float32)


def seen(average: np.ndarray, psi: float, mirrored: bool, shift: np.ndarray) -> np.ndarray:
    """A particle as `Members` says that it lies: the average mirrored, turned, moved by y, x pixels."""
    image = mirror_image(average) if mirrored else average
    cos, sin = np.cos(np.deg2rad(psi)), np.sin(np.deg2rad(psi))
    # What is at (x, y) of the average comes to (x cos + y sin, y cos - x sin): back, with y first.
    back, centre = np.array([[cos, sin], [-sin, cos]]), np.full(2, SIDE // 2)
    return scipy.ndimage.affine_transform(image, back, offset=centre - back @ (centre + shift))


N = 18
TURNS = np.linspace(0, 340, N) + 7
MIRRORED = np.arange(N) % 3 == 0
SHIFTS = np.random.default_rng(5).uniform(-4, 4, (N, 2))


@pytest.fixture
def written(tmp_path: Path, relion: str) -> Path:
    """A project with class averages of two views, and particles of the second, some of them mirrored."""
    average = view()
    images = [seen(average, *one) for one in zip(TURNS, MIRRORED, SHIFTS, strict=True)]
    write_mrc(np.stack(images), tmp_path / "particles.mrcs", PIXEL_SIZE)
    yx = np.random.default_rng(6).integers(50, 950, (N, 2))
    picks = Picks(Frame(MICROGRAPH, (1000, 1000), PIXEL_SIZE), yx, class_number=2, psi=TURNS, score=0.9)
    names = [f"{i:06d}@particles.mrcs" for i in range(1, N + 1)]
    members = Members(picks, MIRRORED, SHIFTS * PIXEL_SIZE, names)
    write_classes(
        tmp_path / "Class2D/job001",
        np.stack([average.T, average]),
        PIXEL_SIZE,
        [ClassRow(0.0), ClassRow(1.0, 12.0)],
        [members],
        diameter=100,
        ctf=KnownCTF({MICROGRAPH: ASTIGMATIC}),
        images=Sampling(SIDE, PIXEL_SIZE),
        root=tmp_path,
    )
    return tmp_path


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_relion_brings_each_particle_upright_onto_the_average_of_its_class(written: Path) -> None:
    run(written, "relion_stack_create", "--i", "Class2D/job001/run_data.star", "--o", "up", "--apply_transformation")
    upright = mrcfile.read(written / "up.mrcs")
    averages = mrcfile.read(written / "Class2D/job001/averages.mrcs")
    assert averages.shape == (3, SIDE, SIDE)
    for image, mirrored in zip(upright, MIRRORED, strict=True):
        own, other = (averages[2], averages[1]) if mirrored else (averages[1], averages[2])
        assert likeness(image, own) > 0.99 > 0.9 > likeness(image, other)


def test_particles_as_they_are_do_not_lie_on_their_averages(written: Path) -> None:
    """So that the test above would see a wrong sign."""
    average = view()
    as_they_are = [likeness(image, average) for image in mrcfile.read(written / "particles.mrcs")]
    assert np.median(as_they_are) < 0.7


MARKS = np.array([[60, 50], [61, 160], [120, 90], [33, 101]])


def test_relion_extracts_again_where_the_shifts_say(tmp_path: Path, relion: str) -> None:
    """Picks beside marks by fractions of a pixel, and shifts to the marks: these come into the middle of boxes."""
    image, box = np.zeros((150, 230), np.float32), 32
    image[tuple(MARKS.T)] = 1000 + np.arange(len(MARKS))
    write_mrc(image, tmp_path / MICROGRAPH, PIXEL_SIZE)
    off = np.random.default_rng(7).uniform(-4, 4, MARKS.shape)
    picks = Picks(Frame(MICROGRAPH, image.shape, PIXEL_SIZE), MARKS - off, class_number=1, psi=[10, 130, 250, 340])
    members = Members(picks, np.array([False, True, False, True]), off * PIXEL_SIZE)
    lens = KnownCTF({MICROGRAPH: ASTIGMATIC})
    out = tmp_path / "out"
    write_classes(out, view()[None], 5.0, [ClassRow(1)], [members], diameter=100, ctf=lens, root=tmp_path)
    (tmp_path / "micrographs.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n_rlnMicrographPixelSize #3\n_rlnVoltage #4\n"
        f"_rlnSphericalAberration #5\n_rlnAmplitudeContrast #6\n1 opticsGroup1 {PIXEL_SIZE} 300 2.7 0.1\n\n"
        f"data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n{MICROGRAPH} 1\n\n"
    )
    command = [relion, "--i", "micrographs.star", "--reextract_data_star", "out/run_data.star", "--recenter"]
    command += ["--part_dir", "Extract/", "--part_star", "Extract/p.star", "--extract", "--extract_size", box]
    run(tmp_path, *command)
    boxes = mrcfile.read(tmp_path / "Extract/Micrographs/a.mrcs")
    np.testing.assert_array_equal(boxes[:, box // 2, box // 2], image[tuple(MARKS.T)])
    (table,) = (table for table in read_tables(tmp_path / "Extract/p.star") if table.name == "particles")
    np.testing.assert_allclose(table.numbers("rlnAnglePsi") % 360, picks.psi)


# Selects the first class that is shown, and then the last but one line of its menu: "Save selected classes".
SELECT = """
"$0" --i Class2D/job001/run_model.star --class --display rlnReferenceImage --sort rlnClassDistribution --reverse \
    --allow_save --fn_parts Select/particles.star --fn_imgs Select/class_averages.star --recenter --regroup 1 &
display=$!
window=$(xdotool search --sync --onlyvisible --name . | tail -1)
xdotool mousemove --window "$window" 20 20 click 1 click 3
sleep 1
xdotool key Up key Up key Return
for _ in $(seq 100); do [ -s Select/particles.star ] && break; sleep 0.1; done
kill $display
"""


def test_relions_subset_selection_keeps_the_particles_of_the_classes_that_are_chosen(
    written: Path, relion_window: str
) -> None:
    (written / "Select").mkdir()
    script = ["xvfb-run", "-a", "-s", "-screen 0 1280x1024x24", "sh", "-c", SELECT, relion_window]
    done = subprocess.run(script, cwd=written, capture_output=True, text=True, timeout=60, check=False)
    saved = written / "Select/particles.star"
    assert saved.is_file(), done.stdout + done.stderr
    optics, particles = read_tables(saved)
    assert float(optics.numbers("rlnVoltage")[0]) == 300
    # The largest class is that of the particles that are not mirrored.
    assert set(particles.texts("rlnClassNumber")) == {"2"}
    (before,) = (t for t in read_tables(written / "Class2D/job001/run_data.star") if t.name == "particles")
    for column in ("rlnCoordinateX", "rlnCoordinateY", "rlnOriginXAngst", "rlnOriginYAngst", "rlnDefocusU"):
        np.testing.assert_allclose(particles.numbers(column), before.numbers(column)[~MIRRORED], atol=1e-4)
    (classes,) = read_tables(written / "Select/class_averages.star")
    np.testing.assert_allclose(classes.numbers("rlnEstimatedResolution"), [12.0])
    assert mrcfile.read(written / "Select/class_averages.mrcs").squeeze().shape == (SIDE, SIDE)
