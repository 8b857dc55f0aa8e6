"""One micrograph of a project in the layers of a viewer, with its regions and picks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from napari.utils.notifications import show_warning

from napari_drpnet.errors import UserError
from napari_drpnet.layers import LayerTuple, image_layer
from napari_drpnet.regions import coarse_shape
from napari_drpnet.widgets.kit.eye import Eye, View
from napari_drpnet.widgets.session.canvas import Canvas
from napari_drpnet.widgets.session.readahead import Reader
from napari_drpnet.widgets.session.store import PickStore

UNREADABLE = (1024, 1024)  # drawn in place of a micrograph that cannot be read


class Screen:
    """Shows on a canvas what a store holds.

    Parameters
    ----------
    canvas
        The layers.
    store
        Picks and regions.
    eye
        Shows them without the noise finer than particles.

    Attributes
    ----------
    trouble
        Why the micrograph that was shown last cannot be; empty when it can.
    """

    def __init__(self, canvas: Canvas, store: PickStore, eye: Eye) -> None:
        self.reader = Reader(store.project)
        self.trouble = ""
        self._eye = eye
        self._canvas = canvas
        self._store = store

    def show(self, name: str) -> None:
        """Show a micrograph; in place of one that cannot be read, nothing but its picks."""
        self.trouble = ""
        made = self._image(name)
        frame = self._store.frame(name)
        if self.trouble or not frame.pixel_size:
            self._eye.own(None)  # first, since napari warns of layers in different units
        self._canvas.show_image(made)
        self._filter(name)
        mask = self._store.region(name)
        self._canvas.show_regions(
            np.zeros(coarse_shape(frame.shape or UNREADABLE), bool) if mask is None else mask, frame
        )
        if self._canvas.regions is not None:
            self._canvas.regions.editable = not self._store.project.read_only
        self.show_picks(name)

    def show_picks(self, name: str) -> None:
        """Show the picks of a micrograph as they are now."""
        store = self._store
        picks = store.picks(name)
        damaged = store.damaged.get(name, "")
        if damaged and damaged not in self.trouble:
            self.trouble = f"{self.trouble} {damaged}".strip()
            show_warning(damaged)
        editable = not (store.project.read_only or damaged)
        self._canvas.show_picks(picks, store.shown(name), store.diameter(picks.frame), editable)

    def prepare(self, name: str) -> None:
        """Read a micrograph ahead, as it will be shown."""
        self.reader.ahead(name, self._eye.wanted)

    def _image(self, name: str) -> LayerTuple:
        try:
            made = self.reader.layer(name)
        except UserError as error:
            self.trouble = error.plain
            show_warning(self.trouble)
            known = self._store.frame(name)
            frame = replace(known, shape=known.shape or UNREADABLE)
            return image_layer(np.zeros(known.shape or UNREADABLE, np.float32), frame, name=name)
        self._store.note_frame(name, made[1]["metadata"]["frame"].unbinned)
        return made

    def _filter(self, name: str) -> None:
        """Show the micrograph for the eye, where it can be made."""
        self._eye.suit(self._store.project.settings.diameter)
        if self._canvas.image is None or self.trouble or not self._store.frame(name).pixel_size:
            return
        read, lists = self.reader, self._store.project.settings.inputs
        self._eye.own(
            View(
                self._canvas.image,
                read.key(name),
                partial(read.micrograph, name),
                partial(read.filtered, name),
                partial(read.filtered_now, name),
                tuple(Path(text) for text in lists if text.lower().endswith(".star")),
            )
        )
