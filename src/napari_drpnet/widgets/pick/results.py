"""What the runs of a form found, each as long as the image that it ran on is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from napari_drpnet.widgets.kit.source import ImageForm
from napari_drpnet.widgets.pick.project_result import ProjectResult
from napari_drpnet.widgets.pick.result import Result

if TYPE_CHECKING:
    from napari.layers import Image

TUNED = 20  # micrographs of a project whose score maps are kept


class Results:
    """The last result on each image; of a project those of the latest micrographs alone, since score maps are large."""

    def __init__(self) -> None:
        self._results: dict[tuple[Any, ...], Result] = {}

    def on(self, image: tuple[Any, ...]) -> Result | None:
        """The result on an image, by its key."""
        return self._results.get(image)

    def before(self, image: tuple[Any, ...]) -> Result | None:
        """The result whose place a new one on a micrograph of the project takes."""
        return self.on(image) or next(self._of_project, None)

    def add(self, image: tuple[Any, ...], result: Result) -> None:
        """Keep a result; it is the latest."""
        self._results.pop(image, None)
        self._results[image] = result

    def forget(self, form: ImageForm) -> None:
        """Drop those whose layers are gone, and the oldest where there are many."""
        self._results = {image: result for image, result in self._results.items() if result.valid(form)}
        tuned = [image for image, result in self._results.items() if isinstance(result, ProjectResult)]
        for image in tuned[:-TUNED]:
            del self._results[image]

    @property
    def score_layer(self) -> Image | None:
        """The layer of score maps that all micrographs of the project share."""
        return next((result.score_layer for result in self._of_project), None)

    @property
    def _of_project(self) -> Iterator[ProjectResult]:
        return (result for result in self._results.values() if isinstance(result, ProjectResult))
