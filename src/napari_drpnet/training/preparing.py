"""Make ready, once, what several networks learn from."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from pathlib import Path

import numpy as np

from napari_drpnet.errors import UserError
from napari_drpnet.settings import PreparedSet, PrepareSettings
from napari_drpnet.steps import translate
from napari_drpnet.training.making import Maker, made
from napari_drpnet.training.prepared import write_prepared
from napari_drpnet.training.sets import makers


def prepare_sets(settings: PrepareSettings, out: Path) -> Generator[tuple[int, int], None, list[Path]]:
    """Write one file of `prepared` examples for each set; yields how many micrographs are done, of how many.

    Parameters
    ----------
    settings
        The sets, and the scale and grey levels of the networks.
    out
        Folder for the files, named after the sets.

    Raises
    ------
    UserError
        When a set is not there or prepared already, or a micrograph cannot be made.
    """
    each = {name: _makers(name, settings) for name in settings.sets}
    everything = [maker for some in each.values() for maker in some]
    examples = yield from translate(made(everything, settings.workers), lambda done: (done, len(everything)))
    paths = [out / f"{name}.safetensors" for name in each]
    ends = np.cumsum([0, *map(len, each.values())]).tolist()
    for path, (start, stop) in zip(paths, pairwise(ends), strict=True):
        write_prepared(path, examples[start:stop], settings.diameter, settings.grey)
    return paths


def _makers(name: str, settings: PrepareSettings) -> list[Maker]:
    data = settings.sets[name]
    if isinstance(data, PreparedSet):
        raise UserError(f"The set {name} is prepared already.", "Leave it out.")
    return makers(data, settings.diameter, settings.grey)
