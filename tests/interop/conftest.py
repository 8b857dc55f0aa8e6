"""The RELION of this machine, which continuous integration must have."""

import os
import shutil

import pytest


def found(program: str, packages: str) -> str:
    """Where a program is; the test is skipped where it is missing, and fails in continuous integration."""
    path = shutil.which(program)
    if path is None:
        reason = f"{program} is not installed (Debian and Ubuntu: apt-get install {packages})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def relion() -> str:
    return found("relion_preprocess", "relion")


@pytest.fixture(scope="session")
def relion_window(relion: str) -> str:
    """RELION's window of class averages, and what a test moves the mouse with."""
    for program in ("xvfb-run", "xdotool"):
        found(program, "xvfb xauth xdotool")
    return found("relion_display", "relion-gui")
