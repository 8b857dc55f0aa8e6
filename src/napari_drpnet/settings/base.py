"""What every settings model is, and words that several use."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Device = Literal["auto", "cpu", "cuda", "mps"]

# The minimum distance of picks where nobody chose one, in diameters.
USUAL_DISTANCE = 0.55


def unit(name: str) -> dict[str, Any]:
    """The unit of a field, where forms and help look for it."""
    return {"unit": name}


class Settings(BaseModel):
    """Frozen, and strict about names: a misspelt key is an error, not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")
