"""A picker of another package, as pip installs it, that kills the process that picks a micrograph called deadly."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from discs import DarkDiscs
from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.settings import PickerSettings


class DeadlySettings(PickerSettings):
    """How long it takes."""

    wait: float = Field(0.0, ge=0, description="Seconds that each micrograph takes.")


class Deadly(DarkDiscs):
    """Finds dark discs, if it lives."""

    name: ClassVar[str] = "deadly"
    settings_class: ClassVar[type[PickerSettings]] = DeadlySettings
    settings: DeadlySettings
    many_at_once: ClassVar[bool] = True

    def pick(self, micrograph: Micrograph) -> Picks:
        time.sleep(self.settings.wait)
        if "deadly" in micrograph.frame.micrograph:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().pick(micrograph)


def write_site(folder: Path) -> Path:
    """Make a folder tell of this package, as pip does; its module is on the path already."""
    info = folder / "deadly-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[napari_drpnet.pickers]\ndeadly = deadly_picker:Deadly\n")
    return folder
