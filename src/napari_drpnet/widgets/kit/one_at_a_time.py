"""One micrograph is seen at a time: picks are never drawn over another one."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari_drpnet import layers
from napari_drpnet.data import Frame
from napari_drpnet.widgets.kit.source import is_micrograph

if TYPE_CHECKING:
    from napari.viewer import Viewer


class OneAtATime:
    """Hides the layers of all micrographs but one, and shows again what it has hidden when it is their turn.

    A layer that a person makes visible meanwhile stays so until another micrograph is chosen.

    Parameters
    ----------
    viewer
        Whose layers.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._hidden: WeakSet[Any] = WeakSet()
        self._shown = ""

    def show(self, micrograph: str) -> None:
        """Let only this one be seen, if it is another one than before."""
        if micrograph in ("", self._shown):
            return
        self._shown = micrograph
        for layer in list(self._viewer.layers):
            theirs = _micrograph_of(layer)
            if theirs is None:
                continue
            if _same(theirs, micrograph):
                if layer in self._hidden:
                    self._hidden.discard(layer)
                    layer.visible = True
            elif layer.visible:
                layer.visible = False
                self._hidden.add(layer)

    @property
    def said(self) -> str:
        """How many micrographs it has hidden, and what to do about it; empty for none."""
        hidden = [one for one in self._viewer.layers if one in self._hidden and not one.visible]
        images = [one for one in hidden if is_micrograph(one)]
        if not images:
            return ""
        many = "Another micrograph is" if len(images) == 1 else f"{len(images)} other micrographs are"
        return f"{many} hidden. Choose one under Image, or click its layer."


def _micrograph_of(layer: Any) -> str | None:
    """Whose image or picks a layer shows; None where that is not known, or somebody else decides what is seen."""
    frame = layer.metadata.get("frame")
    if layer.metadata.get("role") in ("smoothed", "twin"):
        return None
    if isinstance(frame, Frame):
        return frame.micrograph
    return layers.named_frame(layer).micrograph if is_micrograph(layer) else None


def _same(one: str, other: str) -> bool:
    """Whether two names mean one micrograph: files of picks may know it without its folder, or its suffix."""
    if one == other:
        return True
    both = PurePath(one), PurePath(other)
    return both[0].stem == both[1].stem and not all(path.is_absolute() for path in both)
