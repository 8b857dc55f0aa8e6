"""What is known of the lens at each micrograph: its defocus above all, looked up by what programs make of its name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.names import NameIndex, owners, some
from napari_drpnet.lens import Lens

# RELION's name of an image in a stack.
_FRAME = re.compile(r"(?P<number>\d+)@(?P<file>.+)", re.DOTALL)
# Beyond these no microscope goes: in kV, mm, parts of one and degrees.
_LIMITS = {
    "voltage": (20.0, 3000.0, "kV"),
    "cs": (-1.0, 20.0, "mm"),
    "amplitude_contrast": (0.0, 1.0, "(a part of one)"),
    "phase_shift": (-360.0, 360.0, "degrees"),
}
# Angstrom. Nearer to focus nothing is seen of a particle; a defocus in micrometres is smaller, too.
_LEAST_DEFOCUS, _MOST_DEFOCUS = 20.0, 200_000.0


@dataclass(frozen=True)
class CTF:
    """The lens at one micrograph, as RELION's columns have it.

    Attributes
    ----------
    defocus_u, defocus_v
        Along the direction of ``angle``, and across, in Angstrom; positive is underfocus.
    angle
        Of ``defocus_u``, in degrees from x towards y, as rows are counted.
    voltage
        kV.
    cs
        Spherical aberration in mm.
    amplitude_contrast
        Part of the contrast due to lost electrons, 0 to 1.
    phase_shift
        Of a phase plate, in degrees.
    """

    defocus_u: float
    defocus_v: float
    angle: float
    voltage: float
    cs: float
    amplitude_contrast: float
    phase_shift: float = 0.0

    @property
    def lens(self) -> Lens:
        """The same for `lens.ctf`, without an envelope."""
        return Lens(
            voltage=self.voltage,
            defocus=(self.defocus_u + self.defocus_v) / 2,
            astigmatism=self.defocus_u - self.defocus_v,
            astigmatism_angle=math.radians(self.angle),
            cs=self.cs * 1e7,
            amplitude_contrast=self.amplitude_contrast,
            b_factor=0.0,
            phase_shift=math.radians(self.phase_shift),
        )

    @property
    def fault(self) -> str:
        """Why there can be no such lens, as the second half of a sentence; empty where there can."""
        for field in fields(self):
            if not math.isfinite(value := getattr(self, field.name)):
                return f"the {field.name.replace('_', ' ')} is {value}"
        for name, (least, most, unit) in _LIMITS.items():
            if not least <= (value := getattr(self, name)) <= most:
                return f"the {name.replace('_', ' ')} is {value:g} {unit}"
        mean = (self.defocus_u + self.defocus_v) / 2
        if not _LEAST_DEFOCUS <= abs(mean) <= _MOST_DEFOCUS or abs(self.defocus_u - self.defocus_v) > _MOST_DEFOCUS:
            return f"the defocus is {self.defocus_u:g} and {self.defocus_v:g} A"
        return ""


def mean_ctf(columns: FloatArray) -> CTF:
    """One CTF for several rows, ``(7, n)`` in the order of the fields of `CTF`.

    The directions of astigmatism are those of a line: 179 and 1 degrees are neighbours.
    """
    if (columns == columns[:, :1]).all():
        return CTF(*columns[:, 0].tolist())
    u, v, angle = columns[:3]
    mean = float(np.mean((u + v) / 2))
    twofold = complex(np.mean((u - v) / 2 * np.exp(2j * np.deg2rad(angle))))
    half, direction = abs(twofold), math.degrees(math.atan2(twofold.imag, twofold.real)) / 2
    return CTF(mean + half, mean - half, direction, *columns[3:].mean(axis=1).tolist())


def one_lens(path: Path, micrograph: str, columns: Mapping[str, FloatArray]) -> None:
    """Refuse a micrograph whose particles were seen with several lenses, by the columns that tell of the lens."""
    for column, values in columns.items():
        if (values != values[0]).any() and np.isfinite(values).all():
            both = f"{values.min():g} in one row and {values.max():g} in another"
            raise UserError(f"{path}: {column} of {short(micrograph)} is {both}.", "Correct its optics groups.")


class KnownCTF:
    """The CTF of micrographs, by their names.

    Parameters
    ----------
    values
        By the micrograph's name, as a file writes it; images in a stack are named ``000005@stack.mrcs``. None for one
        that is known to have none.
    by_file
        By the name of the file that has the value, which is asked where the micrograph's name means nothing: programs
        are often given a copy of the micrograph, or its spectrum.
    where
        They come from, for messages.
    """

    def __init__(
        self, values: Mapping[str, CTF | None], by_file: Mapping[str, CTF] | None = None, where: object = "CTF"
    ) -> None:
        self.where = where
        self._tables = [_by_frame(values), _by_frame(by_file or {})]
        self._indices = [NameIndex(table) for table in self._tables]

    def __len__(self) -> int:
        return max(sum(map(len, table.values())) for table in self._tables)

    def of(self, name: str | Path) -> CTF | None:
        """The CTF of a micrograph; None where there is none, or several that its name cannot tell apart."""
        file, number = _split(str(name))
        for table, index in zip(self._tables, self._indices, strict=True):
            if found := index.find(file):
                return _frame(table[found[0]], number) if len(found) == 1 else None
        return None

    def settled(self, micrographs: Sequence[str], paths: Mapping[str, Path] | None = None) -> KnownCTF:
        """The same for some micrographs alone, under their own names, each CTF being that of one micrograph at most.

        Parameters
        ----------
        micrographs, paths
            Their names, and where the file of each is, as far as that is known.

        Raises
        ------
        UserError
            When a CTF may be that of several of the micrographs, or several that of one.

        Warns
        -----
        UserWarning
            When micrographs are left without, or names were taken by their beginning.
        """
        files = dict.fromkeys(_split(name)[0] for name in micrographs)
        table: dict[str, dict[int, CTF]] = {}
        for known in self._tables:
            left = [file for file in files if file not in table]
            found = owners(known, NameIndex(left, paths))
            found.settle(self.where)
            table |= {file: known[name] for name, file in found.of.items()}
        parts = {name: _split(name) for name in micrographs}
        values = {name: _frame(table.get(file, {}), number) for name, (file, number) in parts.items()}
        settled = KnownCTF(values, where=self.where)
        if without := [name for name, ctf in values.items() if ctf is None]:
            count = f"{len(without)} of {len(micrographs)} micrographs" if len(micrographs) > 1 else "the micrograph"
            warn(f"{self.where}: it has no CTF for {count}: {some(without, 'and')}.", stacklevel=2)
        return settled

    @staticmethod
    def joined(parts: Iterable[KnownCTF], where: object) -> KnownCTF:
        """All that several files tell; of two values for one name that of the first."""
        values: list[dict[str, CTF]] = [{}, {}]
        for part in parts:
            for all_, table in zip(values, part._tables, strict=True):
                for file, frames in table.items():
                    for number, ctf in frames.items():
                        all_.setdefault(_named(file, number), ctf)
        return KnownCTF(values[0], values[1], where)


def _split(name: str) -> tuple[str, int]:
    """File and number of an image, which counts from 1; 0 where the name has none."""
    match = _FRAME.fullmatch(name)
    return (match["file"], int(match["number"])) if match else (name, 0)


def _named(file: str, number: int) -> str:
    return f"{number:06d}@{file}" if number else file


def _by_frame(values: Mapping[str, CTF | None]) -> dict[str, dict[int, CTF]]:
    table: dict[str, dict[int, CTF]] = {}
    for name, ctf in values.items():
        file, number = _split(name)
        frames = table.setdefault(file, {})
        if ctf is not None:
            frames[number] = ctf
    return table


def _frame(frames: Mapping[int, CTF], number: int) -> CTF | None:
    """The value of one image of a file; one without a number is that of the file, whichever image is asked for."""
    if not number and len(frames) == 1:
        return next(iter(frames.values()))
    return frames.get(number, frames.get(0))
