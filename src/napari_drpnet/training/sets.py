"""From the sets of a recipe to micrographs at network scale with their truth, and what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import is_image, read_micrograph
from napari_drpnet.io.paths import files_in, is_dir, is_file, matching, resolved
from napari_drpnet.io.picks.folder import NoPicksError, picks_of
from napari_drpnet.io.star_lists import MicrographEntry
from napari_drpnet.pickers.seen import network_image
from napari_drpnet.settings import SimulatedSet, SimulationSettings, TrainingSet, TrainSettings
from napari_drpnet.simulation import simulate_one
from napari_drpnet.training.augment import HalfImage

_STRUCTURES = (".pdb", ".ent", ".cif", ".mmcif", ".mrc", ".map")


@dataclass(frozen=True, eq=False)
class Example:
    """One micrograph at network scale with its truth.

    Attributes
    ----------
    image
        ``(h, w)`` micrograph as every network of DRPnet sees it, float16 to save memory.
    yx
        ``(n, 2)`` true centres in network pixels.
    border
        Width of the unlabelled band, in network pixels.
    weight
        How often to draw from it.
    name
        The file, or the name of the simulated micrograph.
    pixels
        Digest of the micrograph's pixels, the same for copies of a file.
    scale
        Network pixels per micrograph pixel.
    """

    image: HalfImage
    yx: FloatArray
    border: float
    weight: float
    name: str = ""
    pixels: str = ""
    scale: float = 1.0


def load_examples(sets: Iterable[TrainingSet | SimulatedSet], network_diameter: float) -> list[Example]:
    """All labelled micrographs of the sets, at network scale; each set's weight is shared among its images.

    Raises
    ------
    UserError
        When a set has no micrograph, no coordinates, or not what is needed to scale it.
    """
    return [example for data in sets for example in _examples_of(data, network_diameter)]


def _examples_of(data: TrainingSet | SimulatedSet, network_diameter: float) -> Iterator[Example]:
    if isinstance(data, SimulatedSet):
        settings, share = expanded(data.simulate), data.weight / data.simulate.count
        for index in range(settings.count):
            yield simulated_example(settings, index, network_diameter, share)
        return
    pairs, known = labelled(data)
    for path, truth in pairs:
        micrograph = read_micrograph(path, pixel_size=data.pixel_size)
        # A micrograph without particles is looked at as the others are.
        own = truth.diameter if np.isfinite(truth.diameter).any() else known
        diameter = data.diameter or float(np.nanmedian(own)) * micrograph.frame.known_pixel_size()
        seen = network_image(micrograph, diameter, network_diameter, invert=data.invert)
        yield Example(
            seen.image.astype(np.float16),
            seen.frame.from_micrograph(truth.yx),
            data.unlabelled_border * network_diameter,
            data.weight / len(pairs),
            str(path),
            hashlib.blake2b(micrograph.image.tobytes(), digest_size=16).hexdigest(),
            seen.frame.scale,
        )


def simulated_example(
    settings: SimulationSettings, index: int, network_diameter: float, weight: float = 1.0
) -> Example:
    """Simulated micrograph number ``index`` at network scale."""
    made = simulate_one(settings, index)
    micrograph, truth = made.micrograph, made.truth
    pixels = float(truth.diameter[0]) if len(truth) else _usual_diameter(settings)
    diameter = pixels * micrograph.frame.known_pixel_size()
    seen = network_image(micrograph, diameter, network_diameter, invert=made.stained)
    yx = seen.frame.from_micrograph(truth.yx)
    return Example(seen.image.astype(np.float16), yx, 0.0, weight, f"simulated {micrograph.frame.micrograph}")


def _usual_diameter(settings: SimulationSettings) -> float:
    """Pixels a particle would span on a micrograph that has none."""
    return float(np.mean(settings.diameter_px)) if settings.diameter_px else settings.size / 16


def expanded(settings: SimulationSettings) -> SimulationSettings:
    """The settings with the files in the folders and globs among their structures.

    Raises
    ------
    UserError
        When a folder or a glob holds no structure.
    """
    files: list[Path] = []
    for path in settings.structures:
        found = [path] if is_file(path) else _files(str(path), _is_structure)
        if not found:
            raise UserError(
                f"{path}: no structure found.", "Name a PDB, mmCIF or MRC file, a folder of them or a glob."
            )
        files += found
    return settings.model_copy(update={"structures": tuple(files)})


def _is_structure(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(_STRUCTURES)


def _files(pattern: str, wanted: Callable[[Path], bool]) -> list[Path]:
    path = Path(pattern)
    if is_dir(path):
        return [file for file in files_in(path) if wanted(file)]
    return sorted(path for path in map(Path, matching(pattern)) if wanted(path))


def labelled(data: TrainingSet) -> tuple[list[tuple[Path, Picks]], FloatArray]:
    """The micrographs of a set that have coordinates, and the diameters that the coordinates tell, in pixels.

    Raises
    ------
    UserError
        When there is none, nobody tells the diameter, or as `picks_of` does.
    """
    files = _files(data.micrographs, is_image)
    if not files:
        raise UserError(f"{data.micrographs}: no micrographs found.", "Name a folder, or a glob in quotes.")
    sources = [Path(data.coordinates)] if data.coordinates else sorted({path.parent for path in files})
    entries = [MicrographEntry(str(file), file, None) for file in files]
    try:
        coordinates = picks_of(sources, entries, data.pixel_size)
    except NoPicksError:
        coordinates = {}
    found = [(file, coordinates[str(file)]) for file in files if str(file) in coordinates]
    pairs = [(file, picks.select(picks.label != "background")) for file, picks in found]
    if not pairs:
        raise UserError(
            f"{data.micrographs}: none of the micrographs has coordinates.",
            "Put STAR or CSV files of the same names beside them, or name their folder or their one file.",
        )
    known = np.concatenate([truth.diameter for _, truth in pairs])
    known = known[np.isfinite(known)]
    if data.diameter is None and not len(known):
        raise UserError(
            f"{data.micrographs}: the coordinate files do not tell the diameter.",
            "Give it (--diameter), or with the set in the recipe.",
        )
    return pairs, known


def examples_of(settings: TrainSettings, streamed: bool = True) -> tuple[list[Example], list[Example]]:
    """Training and validation examples at network scale, seen to be fit for it.

    Parameters
    ----------
    settings
        Of the run.
    streamed
        Leave the simulated training sets to `stream.Stream`; else their ``count`` of micrographs is among the examples.

    Raises
    ------
    UserError
        When there is nothing to learn from or to calibrate with, or something is learnt from and validated with.

    Warns
    -----
    UserWarning
        When there is one micrograph only.
    """
    simulated = [data for data in settings.training if isinstance(data, SimulatedSet)]
    _check_structures(simulated, [data for data in settings.validation if isinstance(data, SimulatedSet)])
    left_out = simulated if streamed else []
    training = load_examples([data for data in settings.training if data not in left_out], settings.diameter)
    if not left_out and not sum(len(example.yx) for example in training):
        raise UserError("The training sets hold no particle.", "Check their coordinate files.")
    if len(training) == 1 and not left_out:
        warn(f"{training[0].name} is the only micrograph to learn from.", stacklevel=2)
    validation = load_examples(settings.validation, settings.diameter)
    if settings.validation and not sum(len(example.yx) for example in validation):
        raise UserError("The validation sets hold no particle.", "Check their coordinate files.")
    if left_out and not validation and settings.start is None:
        raise UserError(
            "Nothing is there to calibrate with.", "Add validation sets: files, or a simulation of other structures."
        )
    check_apart(training, validation)
    return training, validation


def check_apart(training: Sequence[Example], validation: Sequence[Example]) -> None:
    """Refuse a micrograph that is in both, be it as a copy."""
    learnt = {example.pixels: example.name for example in training if example.pixels}
    for example in validation:
        if example.pixels in learnt:
            same = learnt[example.pixels]
            which = same if same == example.name else f"{same} and {example.name} (the same pixels)"
            raise UserError(
                f"{which}: the micrograph is in a training set and in a validation set.",
                "Leave it out of one of them: what a network has learnt by heart says nothing about it.",
            )


def _check_structures(training: Iterable[SimulatedSet], validation: Iterable[SimulatedSet]) -> None:
    """Refuse a simulated protein that is both learnt from and validated with, made-up ones included."""
    learnt = {resolved(path) for data in training for path in _structures(data)}
    for data in validation:
        for path in _structures(data):
            if resolved(path) in learnt:
                what = f"{path} is" if data.simulate.structures else "Made-up particles are"
                raise UserError(
                    f"{what} in a training set and in a validation set.",
                    "Validate with structures that the network does not learn from.",
                )


def _structures(data: SimulatedSet) -> tuple[Path, ...]:
    return expanded(data.simulate).structures or (Path("made-up"),)
