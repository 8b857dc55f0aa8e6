"""The packages in examples/, built and installed beside this one, by the command line and from Python.

Topaz itself is not here. Its picker is run against a program of that name that reads and writes the same files, and
finds dark discs instead.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from discs import DISCS, write_discs
from napari_drpnet import UserError, load_picker, read_micrograph, read_picks

EXAMPLES = Path(__file__).parents[1] / "examples"

STAND_IN = f"""#!{sys.executable}
import os, sys
from pathlib import Path
import mrcfile
import numpy as np
from scipy import ndimage

Path(os.environ["CALLS"]).open("a").write(" ".join(sys.argv[1:]) + "\\n")
step, options, image = sys.argv[1], dict(zip(sys.argv[2:-1:2], sys.argv[3:-1:2])), sys.argv[-1]
if options.get("-m") == "broken":
    sys.exit("Traceback ...\\nFileNotFoundError: broken")
if step == "preprocess":
    Path(options["-o"]).mkdir()
    data = mrcfile.read(image)
    mrcfile.write(Path(options["-o"], Path(image).name), (data - data.mean()) / data.std())
else:
    assert float(options["-t"]) == -6
    dark = -ndimage.gaussian_filter(mrcfile.read(image), 7)
    peaks = (dark == ndimage.maximum_filter(dark, 2 * int(options["-r"]) + 1)) & (dark > 0)
    rows = [f"{{Path(image).stem}}\\t{{x}}\\t{{y}}\\t{{8 * dark[y, x] - 4}}" for y, x in np.argwhere(peaks)]
    Path(options["-o"]).write_text("\\n".join(["image_name\\tx_coord\\ty_coord\\tscore", *rows]) + "\\n")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both packages as pip installs them."""
    folder = tmp_path_factory.mktemp("site")
    sources = [project.parent for project in sorted(EXAMPLES.glob("*/pyproject.toml"))]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*pip, "--target", folder, *sources], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(autouse=True)
def installed(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)


@pytest.fixture
def topaz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in on the path; the file where it notes its calls."""
    program = tmp_path / "bin" / "topaz"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls.txt"))
    return tmp_path / "calls.txt"


@pytest.fixture
def no_topaz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def drpnet(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "napari_drpnet.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def off_centre(yx: np.ndarray) -> np.ndarray:
    """Distance of each disc from the nearest pick."""
    return np.linalg.norm(np.array(DISCS)[:, None] - yx[None], axis=2).min(axis=1)


def test_the_minimal_picker_runs_from_the_command_line_with_a_setting_of_its_own():
    write_discs("a.mrc")
    done = drpnet("pick", "a.mrc", "--picker", "minimal", "--diameter", "40", "--option", "clear=4")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("4 picks on 1 of 1 micrographs")
    (picks,) = read_picks(Path("picks/a_autopick.star"))
    assert off_centre(picks.yx).max() <= 1.5
    listed = json.loads(drpnet("pickers", "minimal", "--json").stdout)
    assert listed["settings"][0]["name"] == "clear"


def test_the_minimal_picker_has_a_threshold_that_can_change_afterwards():
    picker = load_picker("minimal", diameter=40)
    score_map = picker.score(read_micrograph(write_discs("a.mrc")))
    numbers = [len(picker.picks_from(score_map, threshold)) for threshold in (0, 0.5, 1)]
    assert numbers[0] > numbers[1] == 4
    assert numbers[2] == 0


def test_the_minimal_picker_itself_keeps_to_its_threshold():
    from minimal_picker import MinimalPicker, MinimalSettings

    micrograph = read_micrograph(write_discs("a.mrc"))
    every = MinimalPicker(MinimalSettings(diameter=40, threshold=0)).pick(micrograph)
    some = MinimalPicker(MinimalSettings(diameter=40)).pick(micrograph)
    assert some.score.min() >= 0.5 > every.score.min()


def test_its_module_is_as_short_as_the_page_says():
    lines = (EXAMPLES / "minimal-picker" / "minimal_picker.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 32


@pytest.mark.usefixtures("no_topaz")
def test_without_topaz_the_error_says_how_to_get_it():
    write_discs("a.mrc")
    done = drpnet("pick", "a.mrc", "--picker", "topaz", "--diameter", "40")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: The program topaz is not on the path. Install it")
    assert "https://github.com/tbepler/topaz" in line


@pytest.mark.parametrize("diameter", [40, 50])
def test_topaz_sees_particles_at_its_scale_and_its_places_and_odds_are_brought_back(topaz: Path, diameter: float):
    picks = load_picker("topaz", diameter=diameter, device="cpu").pick(read_micrograph(write_discs("a.mrc")))
    assert len(picks) == 4
    assert off_centre(picks.yx).max() <= 1.5
    assert ((picks.score > 0.5) & (picks.score <= 1)).all()
    first, second = topaz.read_text().splitlines()
    assert first == "preprocess -d -1 -o ready/ m.mrc"
    # The network's picks may lie 0.4 diameters of 27 px apart.
    assert second == "extract -d -1 -m resnet16 -r 11 -t -6 -o picks.txt ready/m.mrc"


def test_bright_particles_are_turned_dark_for_topaz(topaz: Path):
    micrograph = read_micrograph(write_discs("a.mrc"))
    bright = type(micrograph)(-micrograph.image, micrograph.frame)
    assert len(load_picker("topaz", diameter=40, invert=True).pick(bright)) == 4
    assert len(load_picker("topaz", diameter=40).pick(bright)) == 0


def test_what_topaz_complains_of_is_told_with_the_micrograph(topaz: Path):
    with pytest.raises(UserError, match=r"a.mrc: topaz extract failed: FileNotFoundError: broken"):
        load_picker("topaz", diameter=40, model="broken").pick(read_micrograph(write_discs("a.mrc")))
