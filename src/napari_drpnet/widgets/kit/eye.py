"""The micrograph in view without the noise finer than particles, in one layer above it that only people look at."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from psygnal import Signal

from napari_drpnet import layers
from napari_drpnet.data import Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.layers import EyeImage, Filter, LayerTuple
from napari_drpnet.settings import USUAL_DIAMETER
from napari_drpnet.widgets.kit.background import Background
from napari_drpnet.widgets.kit.parts import timer
from napari_drpnet.widgets.kit.source import ChosenImage
from napari_drpnet.widgets.kit.subscriptions import Subscriptions

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

FINEST, COARSEST = 4, 100  # Angstrom, of a slider where no particle is known

_EYES: WeakKeyDictionary[Any, Eye] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class View:
    """A micrograph that is looked at.

    Attributes
    ----------
    layer
        Which shows it as it is.
    key
        Is another one when the layer shows another micrograph.
    read
        Gives it as it is, in a thread; raises a `UserError` where it cannot be read.
    make
        Filters it, in a thread; raises a `UserError` where that cannot be done.
    ready
        What ``make`` would give, if it is there at once; else None.
    lists
        STAR files that may tell more of it.
    """

    layer: Image
    key: Hashable
    read: Callable[[], Micrograph]
    make: Callable[[Filter], LayerTuple]
    ready: Callable[[Filter], LayerTuple | None] = lambda _: None
    lists: tuple[Path, ...] = ()


class Eye:
    """What is filtered for the eye in one viewer, and how; pickers never see it. Only the main thread may use it."""

    changed = Signal()  # it is switched on or off, or the resolution or its range is another
    looked = Signal()  # another micrograph is in view
    shown = Signal()  # the layer shows something else, or is gone

    @classmethod
    def of(cls, viewer: Viewer) -> Eye:
        """The eye of a viewer, made when it is first asked for."""
        viewer = getattr(viewer, "__wrapped__", viewer)  # a form is given a proxy, each form its own
        if viewer not in _EYES:
            _EYES[viewer] = cls(viewer)
        return _EYES[viewer]

    def __init__(self, viewer: Viewer) -> None:
        layers.show_scale_bar(viewer)
        self._viewer = ref(viewer)
        self._on: bool | None = None  # None: as long as nobody chose, where the particle is known
        self._resolution: float | None = None
        self._diameter: float | None = None
        self._view: View | None = None
        self._own: View | None = None
        self._layer: Image | None = None
        self._shown: tuple[Hashable, Filter] | None = None
        self._asked: tuple[Hashable, Filter] | None = None  # that the last work was for
        self._waiting = False  # the layer is hidden until it shows what is in view
        self._forms: set[Any] = set()
        self.background = Background()
        self.background.idle.connect(self._update)
        self._missed = timer(self._miss)
        self._heard = Subscriptions((viewer.layers.events.removed, self._notice_removal))

    # ------------------------------------------------------------ what is asked

    @property
    def on(self) -> bool:
        """Whether somebody wants it, or the particle is known and nobody said no."""
        return self._diameter is not None if self._on is None else self._on

    @property
    def resolution(self) -> float:
        """In Angstrom: finer detail is not shown."""
        return self._filter.resolution

    @property
    def coarsest(self) -> float:
        """The largest resolution that makes sense, in Angstrom."""
        return COARSEST if self._diameter is None else max(COARSEST / 2, self._diameter / 2)

    @property
    def _filter(self) -> Filter:
        return Filter.suited(self._diameter or USUAL_DIAMETER, self._resolution)

    @property
    def wanted(self) -> Filter | None:
        """How the micrograph in view is filtered; None where it is not."""
        return self._filter if self.on else None

    def suit(self, diameter: float | None) -> None:
        """Suit particles of a ``diameter`` in Angstrom; a resolution that somebody chose stays."""
        if diameter and diameter != self._diameter:
            self._diameter = diameter
            self._ask()

    def choose(self, resolution: float) -> None:
        """Show no detail finer than this, in Angstrom."""
        self._resolution, self._on = resolution, True
        self._ask()

    def show(self) -> None:
        """Show the filtered micrograph, unless somebody said that he does not want it."""
        if self._on is None:
            self.switch(True)

    def switch(self, on: bool) -> None:
        """Show the filtered micrograph, or the micrograph as it is."""
        self._on = on
        self._ask()

    def _ask(self) -> None:
        self.changed.emit()
        self._update()

    # ------------------------------------------------------------ what is in view

    @property
    def view(self) -> View | None:
        """The micrograph in view; None where there is none."""
        return self._view

    @property
    def layer(self) -> Image | None:
        """The filtered micrograph; None when there is none in the viewer."""
        return layers.there(self._viewer(), self._layer)

    def own(self, view: View | None) -> None:
        """Look at a micrograph that its owner filters himself; None: it is gone."""
        before, self._own = self._own, view
        if view is not None or self._view is before:
            self._look(view)

    def look_at(self, layer: Image | None, source: ChosenImage | None) -> None:
        """Look at the micrograph of a layer; None where there is none."""
        if layer is None or source is None:
            self._look(None)
        elif self._own is not None and self._own.layer is layer:
            self._look(self._own)
        elif self._view is None or self._view.key != _key(source):
            self._look(_alone(layer, source))

    def _look(self, view: View | None) -> None:
        self._missed.stop()
        other = (view and view.key) != (self._view and self._view.key)
        self._view = view
        if other:
            self.looked.emit()
        self._update()

    def _update(self) -> None:
        """Show what is wanted; while something is made, what is wanted by then comes next."""
        view, wanted = self._view, self.wanted
        if view is None or wanted is None or layers.there(self._viewer(), view.layer) is None:
            self._asked = None
            self._remove()
            return
        asked = view.key, wanted
        if asked == self._shown and self.layer is not None:
            return
        made = view.ready(wanted)
        if made is not None:
            self._put(view, wanted, made)
            return
        if self._shown is not None and self._shown[0] != view.key:
            self._hide()
        if asked != self._asked and not self.background.busy:
            self._asked = asked
            self.background.order(partial(_tried, view, wanted), partial(self._put, view, wanted))

    def _put(self, view: View, wanted: Filter, made: LayerTuple | None) -> None:
        """Show what was made, also where the slider has moved on, unless another micrograph is in view by now."""
        viewer = self._viewer()
        if viewer is None or view is not self._view or not self.on:
            return
        if made is None or layers.there(viewer, view.layer) is None:
            self._remove()
            return
        self._shown = view.key, wanted
        if self.layer is None:
            self._layer = layers.add(viewer, made, viewer.layers.index(view.layer) + 1)
            self._waiting = False
        else:
            layers.swap_image(self.layer, made)
            layers.assign(self.layer, {"affine": made[1].get("affine", np.eye(self.layer.ndim + 1))})
            self._above(view.layer)
            if self._waiting:
                self._waiting, self.layer.visible = False, True
        self.shown.emit()

    def _above(self, image: Image) -> None:
        """The layer is the one above the micrograph."""
        viewer, layer = self._viewer(), self.layer
        if viewer is not None and layer is not None:
            here, there = viewer.layers.index(layer), viewer.layers.index(image)
            if here != there + 1:
                viewer.layers.move(here, there + 1)

    def _hide(self) -> None:
        """It shows another micrograph than the one in view."""
        if self.layer is not None and self.layer.visible:
            self._waiting, self.layer.visible = True, False

    def _remove(self) -> None:
        self._shown, layer = None, self.layer
        self._layer, self._waiting = None, False
        viewer = self._viewer()
        if viewer is not None and layer is not None:
            viewer.layers.remove(layer)
            self.shown.emit()

    # ------------------------------------------------------------ the end

    def _notice_removal(self, event: Any) -> None:
        """It goes with its micrograph."""
        if self._layer is not None and event.value is self._layer:
            self._layer = self._shown = self._asked = None
            self._missed.start()
        elif self._view is not None and event.value is self._view.layer:
            self._look(None)

    def _miss(self) -> None:
        """Somebody who removes it, and not the micrograph, does not want it."""
        if self._view is not None and layers.there(self._viewer(), self._view.layer) is not None:
            self.switch(False)

    def join(self, form: object) -> None:
        """A form with a slider is there."""
        self._forms.add(form)

    def leave(self, form: object, window: bool) -> None:
        """It is gone; a micrograph that nobody owns is shown as it is when the last one goes."""
        self._forms.discard(form)
        if not window:
            self.background.leave(False)
        elif not self._forms and self._view is not self._own:
            self._look(self._own)


def _alone(layer: Image, source: ChosenImage) -> View:
    """The view of a micrograph that nobody else filters."""
    file = source.ground.file
    made: list[EyeImage] = []

    def read() -> Micrograph:
        pixels = Micrograph.from_array(source.array[source.position], name=source.frame.micrograph)
        return replace(pixels, frame=source.frame, path=Path(file) if file else None)

    def make(wanted: Filter) -> LayerTuple:
        if not made:
            made.append(EyeImage(read()))
        return layers.laid_on(made[0].layer(wanted), source.ground)

    return View(layer, _key(source), read, make)


def _key(source: ChosenImage) -> Hashable:
    place = source.ground.matrix.tobytes()
    return (*source.key, id(source.array), source.frame, place)


def _tried(view: View, wanted: Filter) -> LayerTuple | None:
    """The filtered micrograph; None where it cannot be filtered: it is shown as it is then."""
    with suppress(UserError):
        return view.make(wanted)
    return None
