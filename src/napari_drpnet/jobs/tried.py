"""What came of one micrograph of many: a result, or what is wrong with it, so that the others go on."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Generic, TypeVar

from napari_drpnet.errors import UserError

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Tried(Generic[Result]):
    """What came of one micrograph: a result or an error, and the seconds that it took."""

    result: Result | None
    error: UserError | None
    seconds: float


def tried(work: Generator[float, None, Result]) -> Generator[float, None, Tried[Result]]:
    """The same work; what is wrong with the micrograph itself is a result."""
    start = time.perf_counter()
    try:
        result = yield from work
    except UserError as error:
        return Tried(None, error, time.perf_counter() - start)
    return Tried(result, None, time.perf_counter() - start)
