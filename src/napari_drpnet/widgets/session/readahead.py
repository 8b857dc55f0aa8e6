"""Micrographs read from disk and made ready for the screen, the next one before it is asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, Generic, TypeVar

from napari_drpnet.data import Micrograph
from napari_drpnet.io.project.project import Project
from napari_drpnet.layers import LayerTuple, image_layer, smoothed_layer

T = TypeVar("T")

KEPT = 3  # the micrograph on screen and its neighbours: 85 MB each at 4096 x 4096


class Once(Generic[T]):
    """The last few results of something slow, each made once, whichever thread asks first.

    Parameters
    ----------
    size
        How many are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._made: OrderedDict[Hashable, Future[T]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result under ``key``, made in this thread unless another is at it; raises what ``make`` raises."""
        with self._lock:
            known = self._made.get(key)
            future: Future[T] = Future() if known is None else known
            self._made[key] = future
            self._made.move_to_end(key)
            while len(self._made) > self._size:
                self._made.popitem(last=False)
        if known is None:
            try:
                future.set_result(make())
            except BaseException as error:
                with self._lock:
                    self._made.pop(key, None)  # the file may be whole the next time
                future.set_exception(error)
        return future.result()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._made.clear()


class Reader:
    """Reads the micrographs of a project; every method may be called in any thread.

    Parameters
    ----------
    project
        Where they are listed.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._micrographs: Once[Micrograph] = Once(KEPT)
        self._layers: Once[LayerTuple] = Once(KEPT)
        self._smoothed: Once[LayerTuple] = Once(KEPT)
        self._aside = ThreadPoolExecutor(1, "read-ahead")

    def micrograph(self, name: str) -> Micrograph:
        """One micrograph, with the project's pixel size.

        Raises
        ------
        UserError
            When it cannot be read.
        """
        return self._micrographs.get(self._key(name), lambda: self._project.read_micrograph(name))

    def layer(self, name: str) -> LayerTuple:
        """The image layer of a micrograph; raises as `micrograph` does."""
        return self._layers.get(self._key(name), lambda: self._ready(name))

    def smoothed(self, name: str, diameter: float) -> LayerTuple:
        """The micrograph smoothed for particles of this ``diameter`` in Angstrom; raises as `micrograph` does."""
        key = self._key(name), diameter
        return self._smoothed.get(key, lambda: smoothed_layer(self.micrograph(name), diameter))

    def ahead(self, name: str, diameter: float | None = None) -> None:
        """Make this one ready in the background, also smoothed where a ``diameter`` is given."""
        self._aside.submit(self._try, name, diameter)

    def close(self) -> None:
        """Read no more."""
        self._aside.shutdown(wait=False, cancel_futures=True)
        self._micrographs.clear()
        self._layers.clear()
        self._smoothed.clear()

    def _key(self, name: str) -> Hashable:
        """A file that was written anew, and another pixel size, are read anew."""
        entry = self._project.entry(name)
        try:
            state = entry.path.stat()
        except OSError:
            return name, entry.pixel_size
        return name, entry.pixel_size, state.st_mtime_ns, state.st_size

    def _ready(self, name: str) -> LayerTuple:
        micrograph = self.micrograph(name)
        return image_layer(micrograph.image, micrograph.frame, name=name, path=micrograph.path)

    def _try(self, name: str, diameter: float | None) -> Any:
        """Whoever goes there is told what is wrong."""
        try:
            self.layer(name)
            if diameter:
                self.smoothed(name, diameter)
        except Exception:
            return
