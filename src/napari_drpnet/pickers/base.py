"""The protocol of all pickers, and the registry that finds them by name.

Third parties add a picker through the entry-point group ``napari_drpnet.pickers``: a class with a
``settings_class`` attribute (a subclass of `PickerSettings`), built from one such settings object.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

from pydantic import ValidationError

from napari_drpnet.data import Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.settings import PickerSettings

_BUILT_IN = {
    "drpnet": "napari_drpnet.pickers.drpnet:DRPnet",
    "pixer": "napari_drpnet.pickers.pixer:Pixer",
    "centerpicker": "napari_drpnet.pickers.centerpicker:CenterPicker",
    "deepcryopicker": "napari_drpnet.pickers.deepcryopicker:DeepCryoPicker",
    "log": "napari_drpnet.pickers.log:LoG",
    "template": "napari_drpnet.pickers.template:Template",
}
_GROUP = "napari_drpnet.pickers"


@runtime_checkable
class Picker(Protocol):
    """Finds particles in a micrograph. Built from its settings; weights are loaded then."""

    name: ClassVar[str]
    settings_class: ClassVar[type[PickerSettings]]
    settings: PickerSettings

    def __init__(self, settings: Any) -> None: ...

    def pick(self, micrograph: Micrograph) -> Picks:
        """Particles of one micrograph, at the threshold of the settings."""
        ...


@runtime_checkable
class ScoringPicker(Picker, Protocol):
    """A picker whose threshold and minimum distance can change without running it again."""

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """`score`, yielding the fraction done at least every 0.3 s so that a caller can show it or stop."""
        ...

    def score(self, micrograph: Micrograph) -> ScoreMap:
        """The score map of one micrograph, with every candidate."""
        ...

    def picks_from(
        self, score_map: ScoreMap, threshold: float | None = None, min_distance: float | None = None
    ) -> Picks:
        """Picks at a probability ``threshold`` and a ``min_distance`` in Angstrom; None: as in the settings."""
        ...


# Reads one micrograph when it is called, so that a data set need not fit into memory.
Reader = Callable[[], Micrograph]


@runtime_checkable
class LearningPicker(ScoringPicker, Protocol):
    """A picker that learns from a data set's own micrographs, without labels, before it picks them."""

    @property
    def ready(self) -> bool:
        """Whether it has learnt, now or before (weights in its settings)."""
        ...

    def learn_steps(self, micrographs: Sequence[Reader]) -> Generator[tuple[float, str], None, None]:
        """Learn from some of the micrographs, yielding the fraction done and what is being done."""
        ...

    def save(self, path: Path) -> Path:
        """Write what was learnt as a weights file, which its settings take the next time."""
        ...


def available_pickers() -> list[str]:
    """Names of all pickers, our own first."""
    others = sorted(entry.name for entry in entry_points(group=_GROUP))
    return [*_BUILT_IN, *(name for name in others if name not in _BUILT_IN)]


def _picker_class(name: str) -> type[Picker]:
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name].split(":")
        return cast(type[Picker], getattr(import_module(module), attribute))
    for entry in entry_points(group=_GROUP):
        if entry.name == name:
            try:
                return cast(type[Picker], entry.load())
            except ImportError as error:
                raise UserError(f"Picker {name!r} cannot be imported: {error}.", "Install it anew.") from error
    raise UserError(f"There is no picker named {name!r}.", f"Choose one of: {', '.join(available_pickers())}.")


def settings_class(name: str) -> type[PickerSettings]:
    """The settings model of the picker called ``name``."""
    return _picker_class(name).settings_class


def explain(error: ValidationError) -> UserError:
    """A pydantic error as one sentence a user can act on."""
    parts = [f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in error.errors()]
    return UserError(f"Settings are not usable: {'; '.join(parts)}.", "Correct the value and try again.")


def load_picker(name: str = "drpnet", **settings: Any) -> Picker:
    """Build a picker by name.

    Parameters
    ----------
    name
        One of `available_pickers`.
    **settings
        Fields of its settings model; ``diameter`` in Angstrom is always needed.

    Raises
    ------
    UserError
        For an unknown picker or unusable settings.

    Examples
    --------
    >>> picker = load_picker("drpnet", diameter=180)  # doctest: +SKIP
    >>> picks = picker.pick(read_micrograph("micrograph.mrc"))  # doctest: +SKIP
    """
    cls = _picker_class(name)
    try:
        chosen = cls.settings_class(**settings)
    except ValidationError as error:
        raise explain(error) from error
    return cls(chosen)
