"""Networks of other programs as ONNX files: a graph of known operations and its numbers, never code.

What the picker must know of a network is JSON under the key ``napari_drpnet`` of the file's metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.files import reading
from napari_drpnet.io.paths import shown
from napari_drpnet.settings import AnyGrey

if TYPE_CHECKING:
    from onnxruntime import InferenceSession  # an extra

ONNX = ".onnx"
KEY = "napari_drpnet"
# The metadata of a file that tells nothing.
_NOTHING = "{}"
_QUIET = 4  # not even errors: they are raised anyway
_ANEW = "Export it anew, as one file."
_INSTALL = 'Install it: pip install "napari-drpnet[onnx]".'


class OnnxCard(BaseModel):
    """What an ONNX file says of its network, all of it optional; lengths are in pixels of the network's image.

    Attributes
    ----------
    diameter
        Of a particle, as the network knows it.
    grey
        How grey levels are brought to the network, see `pickers.grey`.
    role, calibration, start
        See `WeightsCard`. Without a calibration the map's height is taken for the probability.
    reach, beyond, multiple, floats
        See `FCRN`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    diameter: float | None = Field(None, gt=0)
    grey: AnyGrey | None = None
    role: str = "detector"
    calibration: tuple[float, ...] = ()
    start: str = ""
    reach: int | None = Field(None, ge=0, le=4096)
    beyond: int | None = Field(None, ge=0, le=4096)
    multiple: int | None = Field(None, ge=1, le=4096)
    floats: int | None = Field(None, ge=1, le=1_000_000)


@dataclass(frozen=True)
class OnnxFile:
    """A network of another program.

    Attributes
    ----------
    card
        What its file says of it.
    sessions
        What runs it on so many threads of the processor, made when first asked for.
    """

    card: OnnxCard
    sessions: Callable[[int], InferenceSession]


def read_onnx(path: Path) -> OnnxFile:
    """The network of an ONNX file.

    Raises
    ------
    UserError
        When onnxruntime is not installed, the file cannot be read, is no ONNX file, asks for what onnxruntime does not
        have, or says of itself what cannot be.
    """
    with reading(path):
        content = path.read_bytes()
    sessions = cache(partial(session_of, content, shown(path)))
    session = sessions(1)
    try:
        words = session.get_modelmeta().custom_metadata_map.get(KEY, _NOTHING)
    except UnicodeDecodeError as error:
        raise UserError(f"{shown(path)}: its metadata are no text.", _ANEW) from error
    try:
        return OnnxFile(OnnxCard.model_validate_json(words), sessions)
    except ValidationError as error:
        odd = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
        raise UserError(
            f"{shown(path)}: what its metadata say of it ({KEY}) cannot be used ({cut(odd or 'not JSON', 30)}).",
            "See docs/sharing.md.",
        ) from error


def session_of(model: bytes, name: str, threads: int) -> InferenceSession:
    """What runs an ONNX model on so many threads of the processor; messages call it ``name``.

    Raises
    ------
    UserError
        When onnxruntime is not installed, or cannot read the model.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"{name}: onnxruntime, which runs ONNX files, is not installed.", _INSTALL) from error
    options: Any = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    options.intra_op_num_threads = threads
    # Threads that wait by spinning take the cores from the other micrographs that are worked on.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # Its second try of a damaged file would say so on standard output, where results are.
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # onnxruntime has a class for each kind of damage, and no common one
        said = cut(" ".join(str(error).split()), 120)
        raise UserError(f"{name}: onnxruntime cannot read it ({said}).", _ANEW) from error
