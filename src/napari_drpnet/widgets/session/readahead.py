"""Micrographs read from disk and made ready for the screen, the next one before it is asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, Generic, TypeVar

from napari_drpnet.data import Micrograph
from napari_drpnet.io.project.project import Project
from napari_drpnet.layers import EyeImage, Filter, LayerTuple, image_layer

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

    def ready(self, key: Hashable) -> T | None:
        """The result under ``key`` if it is there at once; else None."""
        with self._lock:
            future = self._made.get(key)
        return future.result() if future is not None and future.done() and future.exception() is None else None

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
        self._eyes: Once[EyeImage] = Once(KEPT)
        self._filtered: Once[LayerTuple] = Once(KEPT)
        self._one_eye = Lock()
        self._aside = ThreadPoolExecutor(1, "read-ahead")

    def micrograph(self, name: str) -> Micrograph:
        """One micrograph, with the project's pixel size.

        Raises
        ------
        UserError
            When it cannot be read.
        """
        return self._micrographs.get(self.key(name), lambda: self._project.read_micrograph(name))

    def layer(self, name: str) -> LayerTuple:
        """The image layer of a micrograph; raises as `micrograph` does."""
        return self._layers.get(self.key(name), lambda: self._ready(name))

    def filtered(self, name: str, wanted: Filter) -> LayerTuple:
        """The micrograph filtered for the eye; raises as `micrograph` does, and where its pixel size is not known."""
        key = self.key(name)
        return self._filtered.get((key, wanted), lambda: self._filter(key, name, wanted))

    def filtered_now(self, name: str, wanted: Filter) -> LayerTuple | None:
        """The same, if it is there at once; else None."""
        return self._filtered.ready((self.key(name), wanted))

    def ahead(self, name: str, wanted: Filter | None = None) -> None:
        """Make this one ready in the background, also filtered for the eye where a filter is given."""
        self._aside.submit(self._try, name, wanted)

    def close(self) -> None:
        """Read no more."""
        self._aside.shutdown(wait=False, cancel_futures=True)
        self._micrographs.clear()
        self._layers.clear()
        self._eyes.clear()
        self._filtered.clear()

    def key(self, name: str) -> Hashable:
        """Of a micrograph as it is now: a file that was written anew, and another pixel size, are read anew."""
        entry = self._project.entry(name)
        try:
            state = entry.path.stat()
        except OSError:
            return name, entry.pixel_size
        return name, entry.pixel_size, state.st_mtime_ns, state.st_size

    def _ready(self, name: str) -> LayerTuple:
        micrograph = self.micrograph(name)
        return image_layer(micrograph.image, micrograph.frame, name=name, path=micrograph.path)

    def _filter(self, key: Hashable, name: str, wanted: Filter) -> LayerTuple:
        eye = self._eyes.get(key, lambda: EyeImage(self.micrograph(name)))
        with self._one_eye:
            return eye.layer(wanted)

    def _try(self, name: str, wanted: Filter | None) -> Any:
        """Whoever goes there is told what is wrong."""
        try:
            self.layer(name)
            if wanted is not None:
                self.filtered(name, wanted)
        except Exception:
            return
