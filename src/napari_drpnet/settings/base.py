"""What every settings model is, and the fields that several have: each is described here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Self, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from napari_drpnet.errors import SettingsError, cut

# The picker where nobody chose one.
DEFAULT_PICKER = "drpnet"
# The diameter of particles in Angstrom where nobody said one; forms start with that of the Preferences, which is this
# one until a person changes it (napari.yaml).
USUAL_DIAMETER = 180.0
# The minimum distance of picks where nobody chose one, in diameters.
USUAL_DISTANCE = 0.55
# The word for a threshold that suits the data set.
AUTO: Final = "auto"
# Where nothing else is known, a pick is what is rather a particle than not.
EVEN = 0.5
# What files of weights are called.
WEIGHTS: Final = ".safetensors"
# Nothing that is set is larger, or nearer to 0 without being it.
_LARGEST = 1e12


def unit(name: str) -> dict[str, Any]:
    """The unit of a field, where forms and help look for it."""
    return {"unit": name}


def network(
    role: str, none: str = "default", learns_from: str = "", leaves_out: str = "", suffixes: str = WEIGHTS
) -> dict[str, Any]:
    """The mark of a field that names a file of weights.

    Parameters
    ----------
    role
        What is in the file, as its card says.
    none
        What None is called.
    learns_from
        What of a person's labels can train it: ``patches`` of particles and background, or ``micrographs`` on which
        every particle is labelled; empty where nothing can.
    leaves_out
        The field of a network that was made for this one, and is left out with a new one.
    suffixes
        Of the files that it may name, with spaces between them.
    """
    return {
        "network": role,
        "none": none,
        "learns_from": learns_from,
        "leaves_out": leaves_out,
        "suffixes": suffixes,
    }


OF_NETWORK: dict[str, Any] = {"of_network": "detector"}
"""The mark of a field that says something about a network, and is shown beside it."""

ADDS_UP: dict[str, Any] = {"adds_up": True}
"""The mark of a field of names that counts all that is given where its option is repeated, not the last alone."""

_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?|mps")
_DEVICES = re.compile(rf"({_DEVICE.pattern})|cuda:[0-9]{{1,3}}(,[0-9]{{1,3}})+")
DEVICES: dict[str, Any] = {"devices": "auto|cpu|cuda|cuda:N|mps"}
SEVERAL_DEVICES: dict[str, Any] = {"devices": DEVICES["devices"] + "|cuda:N,M"}
"""The mark of a field that names a device, with what can be said, where forms and options look for it."""


def _device(value: str) -> str:
    """The name of a device that may or may not be here."""
    if not _DEVICE.fullmatch(value):
        raise ValueError("can be auto, cpu, cuda, cuda:1 (a card by its number, the first is 0) or mps")
    return value


def _devices(value: str) -> str:
    """The name of a device, or of several cards."""
    if not _DEVICES.fullmatch(value):
        raise ValueError("can be auto, cpu, cuda, cuda:1 (a card by its number, the first is 0), cuda:0,1 or mps")
    return value


# How grey levels are brought to a network: see `pickers.grey`. Ours learn from those of `Grey`.
Grey = Literal["percentiles", "robust"]
AnyGrey = Literal["percentiles", "robust", "standard"]
Device = Annotated[str, AfterValidator(_device)]
Devices = Annotated[str, AfterValidator(_devices)]
INPUTS = (
    "Micrographs, folders of them (without their subfolders), quoted patterns such as 'data/**/*.mrc', a RELION "
    "micrographs STAR file, or exposures of cryoSPARC (.cs)."
)
Inputs = Annotated[tuple[str, ...], Field(description=INPUTS)]
PixelSize = Annotated[
    float | None,
    Field(
        gt=0,
        title="Pixel size",
        description="Pixel size of all micrographs. Default: what the STAR file or the image's header says.",
        json_schema_extra=unit("A"),
    ),
]
_DIAMETER = Field(
    gt=0,
    title="Diameter",
    description="Diameter of the particle, its longest extent.",
    json_schema_extra=unit("A"),
)
Diameter = Annotated[float, _DIAMETER]
DiameterIfKnown = Annotated[float | None, _DIAMETER]


def number_or_word(word: str, low: float, high: float) -> dict[str, Any]:
    """The mark of a field that takes a number within bounds or a word, where forms and options look for it."""
    return {"word": word, "ge": low, "le": high}


def _probability_or_auto(value: Any) -> Any:
    """``auto``, or a number from 0 to 1, also as text; one sentence for all that is neither."""
    if value == AUTO:
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number <= 1:
        raise ValueError(f"{AUTO}, or a number from 0 to 1")
    return number


ThresholdValue = float | Literal["auto"]
Threshold = Annotated[
    ThresholdValue,
    BeforeValidator(_probability_or_auto),
    Field(
        title="Threshold",
        description="Keep picks whose probability of being a particle is at least this number; auto chooses it for the "
        "data set, by what averages of its particles prove, or else by the probabilities. With a number nothing is "
        "measured.",
        json_schema_extra=number_or_word(AUTO, 0.0, 1.0),
    ),
]
MinDistance = Annotated[
    float | None,
    Field(
        ge=0,
        title="Minimum distance",
        description=f"Of two picks nearer than this, the better one stays. Default: {USUAL_DISTANCE} of the diameter.",
        json_schema_extra=unit("A"),
    ),
]
KeepUnproved = Annotated[
    bool,
    Field(
        title="Keep picks without proof",
        description="Keep the picks of micrographs on which nothing proves particles although others of the data set "
        "have proof: empty ice, carbon, another specimen. By default they are left out, and the micrograph is flagged.",
    ),
]
Invert = Annotated[
    bool, Field(title="Particles are bright", description="Particles are brighter than their background.")
]
PickerName = Annotated[str, Field(title="Picker", description="Name of the picker.")]
RunsOn = Annotated[
    Devices,
    Field(
        title="Compute on",
        description="Where networks run: auto takes a GPU when there is one; cuda:1 is the second of several; cuda:0,1 "
        "takes two.",
        json_schema_extra=SEVERAL_DEVICES,
    ),
]
Seed = Annotated[int, Field(ge=0, title="Random seed", description="Seed of everything random.")]

NO_PICK = ("device", "memory")
"""Settings of pickers that change no pick: where they compute."""
CALIBRATION = "calibration"
"""The role of a file that corrects a picker's probabilities."""


class Settings(BaseModel):
    """Frozen, strict about names (a misspelt key is an error, not a silent default), and without infinite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="after")
    def _within_reason(self) -> Self:
        for name, value in self:
            for number in value if isinstance(value, tuple) else (value,):
                if isinstance(number, int | float) and number and not 1 / _LARGEST <= abs(number) <= _LARGEST:
                    raise ValueError(f"{name}: a number is beyond {_LARGEST:.0e}, or too near to 0")
        return self


def networks_of(model: type[Settings]) -> dict[str, str]:
    """The fields of a model that name files of weights, with the role of what is in them; networks come first."""
    roles = {name: extra_of(model, name, "network") for name in model.model_fields}
    return dict(sorted(((n, r) for n, r in roles.items() if r), key=lambda field: field[1] == CALIBRATION))


def extra_of(model: type[Settings], field: str, key: str) -> str:
    """What a field says of itself beside its description, such as its ``unit``; empty where it says nothing."""
    extra = model.model_fields[field].json_schema_extra
    return str(extra.get(key, "")) if isinstance(extra, dict) else ""


def plain_type(annotation: Any) -> Any:
    """The type of a field without None and bounds; of several the first."""
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return plain_type(next(one for one in get_args(annotation) if one is not NoneType))
    return annotation


def file_fields(model: type[Settings]) -> set[str]:
    """The fields of a settings model that name a file."""
    paths = {name for name, field in model.model_fields.items() if plain_type(field.annotation) is Path}
    return paths | set(networks_of(model))


Model = TypeVar("Model", bound=Settings)
# Wrong fields that a message tells of.
_SAID = 4
# What pydantic finds, as the end of a sentence that begins with the name of the field.
_NO_NUMBER, _NO_WHOLE = "must be a number", "must be a whole number"
_PLAIN = {
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "float_parsing": _NO_NUMBER,
    "float_type": _NO_NUMBER,
    "finite_number": _NO_NUMBER,
    "int_parsing": _NO_WHOLE,
    "int_type": _NO_WHOLE,
    "int_from_float": _NO_WHOLE,
    "int_parsing_size": _NO_WHOLE,
    "bool_parsing": "must be yes or no",
    "bool_type": "must be yes or no",
    "string_type": "must be a text",
    "path_type": "must be the path of a file",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "too_short": "needs at least {min_length}",
}
_OF_FIELD = re.compile(r"(\w+): (.+)", re.DOTALL)  # how a model says which of its fields it means


def validated(model: type[Model], fields: Mapping[str, Any], file: Path | None = None) -> Model:
    """Settings from their fields; an error names the ``file`` they are from.

    Raises
    ------
    SettingsError
        When a field is missing, unknown or unusable.
    """
    try:
        return model(**fields)
    except ValidationError as error:
        said, wrong = "Settings" if file is None else f"{file}: settings", _wrong(error)
        absent = [name for name, what in wrong if what == _PLAIN["missing"]]
        if file is None and len(absent) == len(wrong):
            raise SettingsError(_asked_for(model, absent), _options(absent), dict(wrong)) from error
        message = f"{said} are not usable: {_told(wrong)}."
        raise SettingsError(message, "Correct the value and try again.", dict(wrong)) from error


def _asked_for(model: type[BaseModel], names: Sequence[str]) -> str:
    """What was not given, each with the first sentence of what it is."""
    return " ".join(f"{name} is missing: {_about(model, name)}." for name in names)


def _about(model: type[BaseModel], name: str) -> str:
    field = model.model_fields.get(name)
    if field is None:
        return "it has no usual value"
    text = (field.description or "").partition(". ")[0].rstrip(".")
    extra = field.json_schema_extra
    return f"{text} [{extra['unit']}]" if isinstance(extra, dict) and "unit" in extra else text


def _options(names: Sequence[str]) -> str:
    return f"Give it ({', '.join('--' + name.replace('_', '-') for name in names)})."


def _wrong(error: ValidationError) -> list[tuple[str, str]]:
    """The fields that are wrong, and what is wrong with each."""
    found = []
    for item in error.errors(include_url=False, include_input=False):
        name, what = ".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, ")
        if not name and (told := _OF_FIELD.fullmatch(what)):
            name, what = told.groups()
        plain = _PLAIN.get(item["type"])
        found.append((name, what if plain is None else plain.format(**item.get("ctx", {}))))
    return found


def _told(wrong: Sequence[tuple[str, str]]) -> str:
    """What is wrong with which fields, the first few of them; names and values may be as long as a file has them."""
    parts = [sentence(cut(name, 30), what) for name, what in wrong[:_SAID]]
    rest = f"; and {len(wrong) - _SAID} more" if len(wrong) > _SAID else ""
    return cut(" ".join("; ".join(parts).split()), 180) + rest


def sentence(name: str, what: str) -> str:
    """What is wrong with a field, under the ``name`` that its reader knows."""
    joint = " " if what.split(" ", 1)[0] in ("must", "is", "needs", "can") else ": "
    return f"{name}{joint}{what}" if name else what
