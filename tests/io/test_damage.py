"""Whatever is done to a file, reading it gives data or one short line: a quick part of what `make fuzz` tries."""

from pathlib import Path

import pytest

from fuzz.running import Bench, tries
from fuzz.targets import TARGETS

# Tries of a reader that takes no time; all together take about a quarter of a minute of one processor.
TRIES = 120


@pytest.mark.parametrize("name", TARGETS)
def test_damage_never_gives_a_traceback(name: str, tmp_path: Path) -> None:
    bench, numbers = Bench(TARGETS[name], tmp_path), range(TRIES // TARGETS[name].cost)
    failures = [failure for _, failure in tries(bench, 0, numbers) if failure is not None]
    assert not failures, "\n".join(f"{one.number}: {one.reason}\n{one.details}" for one in failures[:3])


# Names of reported files, by the kind that they are read as.
REPORTED = {
    "box": ["box-*"],
    "cbox": ["cbox-*"],
    "cryoppp": ["cryoppp-*"],
    "cs": ["cs-*", "zip.cs"],
    "csv": ["csv-*"],
    "json": ["json-*"],
    "project labels": ["project-*labels_*"],
    "project lock": ["project-*.lock"],
    "project network": ["project-*networks_*"],
    "project.yaml": ["project-*project.yaml"],
    "run file": ["yaml-*", "k.yaml"],
    "star": ["star-*"],
    "star list": ["nullist.star", "long.star"],
    "star particles": ["huge.star", "longp.star", "nulp.star"],
    "tiff": ["raster-*.tif", "lie.tif"],
    "topaz": ["topaz-*"],
}


@pytest.mark.parametrize("name", REPORTED)
def test_what_was_reported_is_read_or_refused(name: str, shared: Path, tmp_path: Path) -> None:
    bench, folder = Bench(TARGETS[name], tmp_path), shared / "cases" / "damaged"
    files = sorted(path for pattern in REPORTED[name] for path in folder.glob(pattern))
    wrong = {path.name: reason for path in files if (reason := bench.tried(path.read_bytes())[0])}
    assert files
    assert not wrong
