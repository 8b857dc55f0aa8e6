"""Which networks can be trained by one command of their own, and by what; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_drpnet.settings import CenterPickerTrainSettings, PixerTrainSettings, TrainSettings

if TYPE_CHECKING:
    from napari_drpnet.training.run import Training

# What every command for training offers.
LENGTH = ("steps", "minutes", "batch", "rate", "optimiser", "precision", "workers", "seed", "device")

WEIGHTS_FILE = "The .safetensors file to write; a log, plots and a checkpoint come beside it."


@dataclass(frozen=True)
class TrainingCommand:
    """One command that trains networks.

    Attributes
    ----------
    name
        Of the command.
    help
        What it does, with an example.
    function
        Takes the settings and where to write, and trains: ``module:function``, imported when it is called.
    out
        Where to write if nobody says: a file or a folder.
    out_help
        What is written there.
    model
        The settings of a run.
    options
        Its fields that the command line offers.
    """

    name: str
    help: str
    function: str
    out: Path
    out_help: str = WEIGHTS_FILE
    model: type[TrainSettings] = TrainSettings
    options: tuple[str, ...] = ("start", *LENGTH)

    def train(self, settings: TrainSettings, out: Path) -> Training:
        """The training as a generator of its steps; the function says what it raises."""
        module, name = self.function.split(":")
        function: Callable[[Any, Path], Training] = getattr(import_module(module), name)
        return function(settings, out)


_ALL = (
    TrainingCommand(
        name="train-centerpicker",
        help="""Train the network of CenterPicker, from micrographs whose coordinate files tell the diameters or the
        boxes, as simulated ones.

        napari-drpnet train-centerpicker --settings training/centerpicker.yaml --out mine.safetensors
        """,
        function="napari_drpnet.training.centerpicker:train_centerpicker",
        out=Path("centerpicker.safetensors"),
        model=CenterPickerTrainSettings,
    ),
    TrainingCommand(
        name="train-pixer",
        help="""Train both networks of PIXER, from micrographs with masks, simulated or made by napari-drpnet masks.

        napari-drpnet simulate --structure models/ --count 200 --masks --out simulated/

        napari-drpnet train-pixer --settings training/pixer.yaml --out networks/

        A few micrographs with masks are enough to begin from the shipped networks: --start pixer-segmenter
        """,
        function="napari_drpnet.training.pixer:train_pixer",
        out=Path(),
        out_help="Folder for pixer-segmenter.safetensors and pixer-sorter.safetensors; logs, plots and checkpoints "
        "come beside them.",
        model=PixerTrainSettings,
        options=("start", "sorter", "branches", "sorter_steps", "sorter_batch", "core", *LENGTH),
    ),
)

TRAINING = {command.name: command for command in _ALL}
