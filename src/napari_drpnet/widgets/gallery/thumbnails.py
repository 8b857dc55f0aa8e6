"""Thumbnails of particles: made in a thread, kept as long as there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from threading import Condition, Thread

import numpy as np
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]  # qtpy puts it there
from qtpy.QtGui import QImage

from napari_drpnet.data import ImageArray
from napari_drpnet.drawing.cutouts import SIDE, Contrast, contrast, cut, grey
from napari_drpnet.errors import UserError
from napari_drpnet.jobs.browse import Opener
from napari_drpnet.widgets.gallery.catalogue import Key

MEMORY = 128 << 20  # bytes of thumbnails that are kept
_OVERHEAD = 600  # bytes of an image and its place in the table, beside its pixels
_LAST = 1.0  # seconds that the last cut may take: a thread that outlives Qt can bring the whole process down
_AT_ONCE = 64  # cut in one go: the first are seen while the others are made


class Thumbnails(QObject):
    """Cuts out what is wanted, the last wish first.

    Parameters
    ----------
    memory
        Most bytes to keep; what has not been looked at for longest goes first.
    """

    made = Signal()  # there are more than before

    def __init__(self, memory: int = MEMORY) -> None:
        super().__init__()
        self._memory = memory
        self._kept: OrderedDict[Key, QImage] = OrderedDict()
        self._contrasts: dict[str, Contrast] = {}
        self._failures: dict[str, str] = {}
        self._wanted: list[Key] = []
        self._open: Opener | None = None
        self._change = Condition()
        self._closed = False
        # A daemon: a read from a slow disk must not keep the program from ending.
        self._thread = Thread(target=self._work, name="thumbnails", daemon=True)
        self._thread.start()

    def use(self, open_one: Opener | None) -> None:
        """Forget everything, and read from other micrographs."""
        with self._change:
            self._open = open_one
            self._wanted = []
            for table in (self._kept, self._contrasts, self._failures):
                table.clear()

    def retry(self) -> None:
        """Micrographs that could not be read may be there now."""
        with self._change:
            self._failures.clear()

    def get(self, key: Key) -> QImage | None:
        """A thumbnail, None when it is not there."""
        with self._change:
            image = self._kept.get(key)
            if image is not None:
                self._kept.move_to_end(key)
            return image

    def failure(self, micrograph: str) -> str:
        """Why there are none of a micrograph; empty when nothing went wrong."""
        return self._failures.get(micrograph, "")

    def want(self, keys: Iterable[Key]) -> None:
        """Make these next, in this order, and no others."""
        with self._change:
            self._wanted = [key for key in keys if key not in self._kept and key[0] not in self._failures]
            if self._wanted:
                self._change.notify()

    @property
    def idle(self) -> bool:
        """Whether all that is wanted is there."""
        with self._change:
            return not self._wanted

    @property
    def bytes(self) -> int:
        """Memory that the thumbnails take."""
        return len(self._kept) * (SIDE * SIDE + _OVERHEAD)

    def close(self) -> None:
        """Make no more."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join(_LAST)

    # ------------------------------------------------------------ in the thread

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._closed or (self._wanted and self._open is not None))
                if self._closed or self._open is None:
                    return
                name, open_one = self._wanted[0][0], self._open
                keys = [key for key in self._wanted if key[0] == name][:_AT_ONCE]
            self._make(name, keys, open_one)
            with suppress(RuntimeError):  # the window may be gone
                self.made.emit()

    def _make(self, name: str, keys: Sequence[Key], open_one: Opener) -> None:
        images: list[QImage] = []
        levels, failure = self._contrasts.get(name), ""
        try:
            array, diameter = open_one(name)
            levels = levels or contrast(array, diameter)
            images = _as_images(cut(array, np.array([key[1:] for key in keys]), diameter), levels)
        except UserError as error:
            failure = error.plain
        except Exception as error:  # a thread that dies makes no thumbnail for the rest of the session
            failure = f"{name} cannot be shown: {error}."
        with self._change:
            if open_one is self._open:  # or these are particles of another project, or of another size
                self._keep(name, dict(zip(keys, images, strict=False)), levels, failure)
                made = set(keys)
                self._wanted = [key for key in self._wanted if key not in made and key[0] not in self._failures]

    def _keep(self, name: str, images: dict[Key, QImage], levels: Contrast | None, failure: str) -> None:
        if failure:
            self._failures[name] = failure
        if levels is not None:
            self._contrasts[name] = levels
        self._kept.update(images)
        while self.bytes > self._memory and self._kept:
            self._kept.popitem(last=False)


def _as_images(cutouts: ImageArray, levels: Contrast) -> list[QImage]:
    # The copy has pixels of its own: Qt keeps no reference to those of numpy.
    kind = QImage.Format.Format_Grayscale8
    return [QImage(pixels.tobytes(), SIDE, SIDE, SIDE, kind).copy() for pixels in grey(cutouts, levels)]
