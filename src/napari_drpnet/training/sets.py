"""From the sets of a recipe to micrographs at network scale with their truth, and what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import is_image, read_micrograph
from napari_drpnet.io.paths import files_in, is_dir, is_file, matching, resolved
from napari_drpnet.io.picks.folder import NoPicksError, picks_of
from napari_drpnet.io.star_lists import MicrographEntry
from napari_drpnet.io.star_table import read_text
from napari_drpnet.pickers.seen import network_image
from napari_drpnet.settings import (
    AnySet,
    Grey,
    PreparedSet,
    SimulatedSet,
    SimulationSettings,
    TrainingSet,
    TrainSettings,
)
from napari_drpnet.simulation import simulate_one
from napari_drpnet.simulation.micrograph import structure_of
from napari_drpnet.steps import drained
from napari_drpnet.training.example import Example, scaled_mask
from napari_drpnet.training.making import Maker, made
from napari_drpnet.training.prepared import read_prepared

_STRUCTURES = (".pdb", ".ent", ".cif", ".mmcif", ".mrc", ".map")


def load_examples(sets: Iterable[AnySet], network_diameter: float, grey: Grey) -> list[Example]:
    """All labelled micrographs of the sets, at network scale; each set's weight is shared among its images.

    Raises
    ------
    UserError
        When a set has no micrograph, no coordinates, or not what is needed to scale it.
    """
    return [example for data in sets for example in _examples_of(data, network_diameter, grey)]


def _examples_of(data: AnySet, network_diameter: float, grey: Grey) -> Iterator[Example]:
    if isinstance(data, PreparedSet):
        yield from read_prepared(data, network_diameter, grey)
        return
    each = makers(data, network_diameter, grey)
    yield from drained(made(each)) if isinstance(data, SimulatedSet) else (maker.make() for maker in each)


def makers(data: TrainingSet | SimulatedSet, network_diameter: float, grey: Grey) -> list[Maker]:
    """What makes each example of a set.

    Raises
    ------
    UserError
        As `load_examples`.
    """
    if isinstance(data, SimulatedSet):
        settings, share = expanded(data), data.weight / data.simulate.count
        return [
            Maker(
                partial(simulated_example, settings, index, network_diameter, grey, share),
                str(structure_of(settings, index)),
            )
            for index in range(settings.count)
        ]
    pairs, known = labelled(data)
    share = data.weight / len(pairs)
    return [Maker(partial(real_example, data, *pair, known, network_diameter, grey, share)) for pair in pairs]


def real_example(
    data: TrainingSet,
    path: Path,
    truth: Picks,
    known: FloatArray,
    network_diameter: float,
    grey: Grey,
    weight: float,
) -> Example:
    """A labelled micrograph at network scale; ``known`` diameters are those of its set, in pixels."""
    micrograph = read_micrograph(path, pixel_size=data.pixel_size)
    # A micrograph without particles is looked at as the others are.
    own = truth.diameter if np.isfinite(truth.diameter).any() else known
    diameter = data.diameter or float(np.nanmedian(own)) * micrograph.frame.known_pixel_size()
    seen = network_image(micrograph, diameter, network_diameter, data.invert, grey)
    return Example(
        seen.image.astype(np.float16),
        seen.frame.from_micrograph(truth.yx),
        data.unlabelled_border * network_diameter,
        weight,
        str(path),
        hashlib.blake2b(micrograph.image.tobytes(), digest_size=16).hexdigest(),
        seen.frame.scale,
    )


def simulated_example(
    settings: SimulationSettings, index: int, network_diameter: float, grey: Grey, weight: float = 1.0
) -> Example:
    """Simulated micrograph number ``index`` at network scale."""
    made = simulate_one(settings, index)
    micrograph, truth = made.micrograph, made.truth
    pixels = float(truth.diameter[0]) if len(truth) else usual_diameter(settings)
    diameter = pixels * micrograph.frame.known_pixel_size()
    seen = network_image(micrograph, diameter, network_diameter, made.stained, grey)
    yx = seen.frame.from_micrograph(truth.yx)
    name, structure = f"simulated {micrograph.frame.micrograph}", str(structure_of(settings, index))
    image, scale = seen.image.astype(np.float16), seen.frame.scale
    mask = scaled_mask(made.mask, image.shape, scale) if settings.masks else None
    return Example(image, yx, 0.0, weight, name, scale=scale, structure=structure, mask=mask)


def usual_diameter(settings: SimulationSettings) -> float:
    """Pixels a particle would span on a micrograph that has none."""
    return float(np.mean(settings.diameter_px)) if settings.diameter_px else settings.size / 16


def expanded(data: SimulatedSet) -> SimulationSettings:
    """The settings of a set with the files in the folders and globs among their structures.

    Raises
    ------
    UserError
        When a folder or a glob holds no structure, or all are left out.
    """
    settings = data.simulate
    files: list[Path] = []
    for path in settings.structures:
        found = [path] if is_file(path) else _files(str(path), _is_structure)
        if not found:
            raise UserError(
                f"{path}: no structure found.", "Name a PDB, mmCIF or MRC file, a folder of them or a glob."
            )
        files += found
    only, without = _beginnings(data.only), _beginnings(data.without)
    kept = tuple(
        file for file in files if not file.name.startswith(without) and (file.name.startswith(only) or not only)
    )
    if files and not kept:
        raise UserError("All structures of a simulated set are left out.", "Name others, or leave out fewer.")
    return settings.model_copy(update={"structures": kept})


def _beginnings(names: Sequence[str]) -> tuple[str, ...]:
    """Beginnings of file names, where files of them are named, theirs."""
    found: list[str] = []
    for name in names:
        found += read_text(Path(name)).split() if name.endswith(".txt") else [name]
    return tuple(found)


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


def examples_of(settings: TrainSettings) -> tuple[list[Example], list[Example]]:
    """Training and validation examples at network scale, seen to be fit for it.

    Parameters
    ----------
    settings
        Of the run.

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
    training = load_examples(settings.training, settings.diameter, settings.grey)
    if not sum(len(example.yx) for example in training):
        raise UserError("The training sets hold no particle.", "Check their coordinate files.")
    if len(training) == 1:
        warn(f"{training[0].name} is the only micrograph to learn from.", stacklevel=2)
    validation = load_examples(settings.validation, settings.diameter, settings.grey)
    if settings.validation and not sum(len(example.yx) for example in validation):
        raise UserError("The validation sets hold no particle.", "Check their coordinate files.")
    check_apart(training, validation)
    return training, validation


def check_apart(training: Sequence[Example], validation: Sequence[Example]) -> None:
    """Refuse a micrograph or a simulated protein that is in both, a micrograph also as a copy."""
    shared = _proteins(training) & _proteins(validation)
    if shared:
        name = min(shared)
        which = f"Made-up particle {name}" if name.isdigit() else name
        raise UserError(
            f"{which} is in a training set and in a validation set.",
            "Validate with structures that the network does not learn from.",
        )
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


def _proteins(examples: Iterable[Example]) -> set[str]:
    return {Path(example.structure).name for example in examples if example.structure}


def _structures(data: SimulatedSet) -> tuple[Path, ...]:
    return expanded(data).structures or (Path("made-up"),)
