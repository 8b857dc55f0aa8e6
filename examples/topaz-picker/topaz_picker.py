"""Topaz as a picker: an external program, called with files.

Bepler, Morin, Rapp, Brasch, Shapiro, Noble, Berger, "Positive-unlabeled convolutional neural networks for particle
picking in cryo-electron micrographs", Nature Methods 16:1153 (2019).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.special import expit

from napari_drpnet import Micrograph, Picks, UserError
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.picks.topaz import read_topaz
from napari_drpnet.rescaling import rescale
from napari_drpnet.settings import PickerSettings

# Topaz gives log-odds, and none below this by default: a probability of 0.0025.
_LOWEST = -6


class TopazSettings(PickerSettings):
    """What every picker is told, and which of Topaz's networks to use."""

    model: str = Field("resnet16", description="A pretrained network of Topaz, or a file of one that Topaz trained.")
    size: int = Field(
        27,
        ge=8,
        description="Diameter of a particle in the image that Topaz is given.",
        json_schema_extra={"unit": "px"},
    )


class TopazPicker:
    """Topaz, a network trained on few labels; runs the program `topaz`, which is installed by itself."""

    name: ClassVar[str] = "topaz"
    settings_class: ClassVar[type[PickerSettings]] = TopazSettings

    def __init__(self, settings: TopazSettings) -> None:
        self.settings = settings
        self.program = _program()

    def pick(self, micrograph: Micrograph) -> Picks:
        """Particles of one micrograph, at the threshold of the settings; scores are Topaz's probabilities.

        Raises
        ------
        UserError
            When Topaz fails, with its last words.
        """
        with TemporaryDirectory(prefix="topaz-picker-") as folder:
            found = self._run(micrograph, Path(folder))
        return found.select(found.score >= self.settings.least)

    def _run(self, micrograph: Micrograph, folder: Path) -> Picks:
        """Everything that Topaz finds, brought back from its image to the micrograph."""
        frame, settings = micrograph.frame, self.settings
        scale = settings.size / frame.working_pixels(settings.diameter)
        image = rescale(micrograph.image, scale)
        write_mrc(-image if settings.invert else image, folder / "m.mrc", 1.0)
        device = ("-d", "-1" if settings.device == "cpu" else "0")
        distance = max(1, round(settings.size * settings.spacing / settings.diameter))
        wanted = ("-m", _file_or_name(settings.model), "-r", str(distance), "-t", str(_LOWEST))
        self._topaz(folder, frame.micrograph, "preprocess", *device, "-o", "ready/", "m.mrc")
        self._topaz(folder, frame.micrograph, "extract", *device, *wanted, "-o", "picks.txt", "ready/m.mrc")
        (found,) = read_topaz(folder / "picks.txt")
        yx = frame.rescaled(scale).to_micrograph(found.yx)
        return Picks(frame, yx, expit(found.score), source=np.array(self.name))

    def _topaz(self, folder: Path, micrograph: str, *arguments: str) -> None:
        done = subprocess.run([self.program, *arguments], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
            raise UserError(
                f"{micrograph}: topaz {arguments[0]} failed: {last}", "See whether Topaz works: topaz --version."
            )


def _program() -> str:
    """Topaz's program.

    Raises
    ------
    UserError
        When it is not on the path; says how to get it.
    """
    found = shutil.which("topaz")
    if found is None:
        raise UserError(
            "The program topaz is not on the path.",
            "Install it in an environment of its own (conda install topaz -c tbepler -c pytorch, or pip install "
            "topaz-em; see https://github.com/tbepler/topaz), and add that environment's bin folder to PATH.",
        )
    return found


def _file_or_name(model: str) -> str:
    """A file as Topaz finds it from any folder."""
    return str(Path(model).absolute()) if Path(model).is_file() else model
