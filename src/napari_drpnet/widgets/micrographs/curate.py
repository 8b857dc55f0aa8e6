"""Correct picks with keys, a lasso and ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_drpnet.data import MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.labels import (
    LabelKind,
    by_score,
    inside_outline,
    labelled,
    labels_of,
    near_edge,
    removed,
)
from napari_drpnet.settings.project import Unreviewed
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.micrographs.lasso import Lasso
from napari_drpnet.widgets.micrographs.places import Places
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.layers import Layer


@dataclass(frozen=True)
class Key:
    """A key, and what it does.

    Attributes
    ----------
    keys
        As napari names them; the first one is shown.
    text
        What people are told.
    action
        Name of the method of `Curation`.
    everywhere
        Whether it works on the image and the regions, too.
    """

    keys: tuple[str, ...]
    text: str
    action: str
    everywhere: bool = False


KEYS = (
    Key(("G",), "particle", "particle"),
    Key(("B",), "background", "background"),
    Key(("T",), "toggle the two", "toggle"),
    Key(("Delete", "Backspace"), "delete", "delete"),
    Key((".",), "next pick", "next_pick"),
    Key((",",), "the pick before", "previous_pick"),
    Key(("U",), "next uncertain pick", "next_uncertain"),
    Key(("Shift-U",), "the uncertain pick before", "previous_uncertain"),
    Key(("L",), "lasso", "lasso"),
    Key(("R",), "pick this micrograph", "pick", everywhere=True),
    Key(("Shift-R",), "pick all", "pick_all", everywhere=True),
    Key(("N",), "next micrograph", "next", everywhere=True),
    Key(("Shift-N",), "the micrograph before", "previous", everywhere=True),
    Key(("D",), "done, and back", "done", everywhere=True),
    Key(("Control-Z",), "undo", "undo"),
    Key(("Control-Shift-Z", "Control-Y"), "redo", "redo"),
    Key(("Escape",), "select none", "select_none"),
)

_LABELS: dict[Unreviewed, LabelKind] = {"particles": "particle", "background": "background"}


class Curation:
    """What the keys and buttons do to the current micrograph's picks, and the keys on the session's layers.

    A key acts on the selected picks, or on the one under the cursor when none is selected.

    Parameters
    ----------
    session
        The project.
    """

    said = Signal(str)  # what was done, or why not
    lassoing = Signal(bool)  # the lasso was taken or put away
    picking = Signal(bool)  # the picker is to run: on all micrographs, or on this one
    asking = Signal(str, int)  # what are so many unreviewed picks of this micrograph? `finish` takes the answer

    def __init__(self, session: Session) -> None:
        self._session = session
        self.undo, self.redo, self.next, self.previous = session.undo, session.redo, session.next, session.previous
        self._bound: list[tuple[Layer, str]] = []
        self._places = places = Places(session, self.said.emit)
        self.next_uncertain, self.previous_uncertain = places.next_uncertain, places.previous_uncertain
        self.next_pick, self.previous_pick = places.next_pick, places.previous_pick
        self._lasso = Lasso(self._take_outline, lambda: self.lassoing.emit(False))
        self._heard = Subscriptions((session.layered, self._bind), (session.moved, self._begin))
        self._bind()

    # ------------------------------------------------------------ labels

    def particle(self) -> None:
        """The chosen picks are particles."""
        self._label("particle")

    def background(self) -> None:
        """The chosen picks are background."""
        self._label("background")

    def toggle(self) -> None:
        """Each of the chosen picks becomes the other of the two."""
        picks, chosen = self._chosen()
        if picks is not None:
            background = chosen & (picks.label == "background")
            after = labelled(picks, chosen & ~background, "background")
            self._change(labelled(after, background, "particle"), f"{chosen.sum()} toggled.")

    def delete(self) -> None:
        """Delete the chosen picks. A picker's become background, so that they are not found again."""
        picks, chosen = self._chosen()
        if picks is not None:
            self._change(removed(picks, chosen), f"{chosen.sum()} deleted.")

    def _label(self, label: LabelKind) -> None:
        picks, chosen = self._chosen()
        if picks is not None:
            self._change(labelled(picks, chosen, label), f"{chosen.sum()} labelled as {label}.")

    def _change(self, picks: Picks, told: str) -> None:
        try:
            self._session.change(self._session.current, picks)
        except UserError as error:
            self.said.emit(error.plain)
            return
        self.select_none()
        self.said.emit(told)

    def _chosen(self) -> tuple[Picks | None, MaskArray]:
        """The picks, and which of them a key acts on; None when there is none to act on."""
        session = self._session
        layer = session.points
        if layer is None:
            return None, np.zeros(0, dtype=bool)
        picks = session.picks(session.current)
        chosen = np.zeros(len(picks), dtype=bool)
        chosen[list(layer.selected_data)] = True
        chosen &= np.asarray(layer.shown)
        if not chosen.any() and session.viewer is not None:
            under = layer.get_value(session.viewer.cursor.position, world=True)
            chosen[[] if under is None else under] = True
        if not chosen.any():
            self.said.emit("Nothing is selected, and there is no pick under the cursor.")
            return None, chosen
        return picks, chosen

    # ------------------------------------------------------------ going through the data

    def pick(self) -> None:
        """Run the picker on this micrograph."""
        self.picking.emit(False)

    def pick_all(self) -> None:
        """Run the picker on all micrographs, as far as they are new."""
        self.picking.emit(True)

    def done(self) -> None:
        """Mark the micrograph as done, or as not done; what unreviewed picks are may have to be asked first."""
        session, name = self._session, self._session.current
        if session.project is None or session.read_only or not name:
            return
        if session.project.row(name).state == "done":
            session.mark_done(name, False)
            return
        answer, unreviewed = session.project.settings.unreviewed, int(self._unreviewed(name).sum())
        if unreviewed and answer == "ask":
            self.asking.emit(name, unreviewed)
        else:
            self.finish(name, answer)

    def finish(self, name: str, answer: Unreviewed, remember: bool = False) -> None:
        """Mark a micrograph as done.

        Parameters
        ----------
        name
            Of the micrograph.
        answer
            What its unreviewed picks are; what was labelled stays as it is.
        remember
            Whether the project is to keep the answer.
        """
        session, which = self._session, self._unreviewed(name)
        try:
            if remember:
                session.configure(unreviewed=answer)
            if answer in _LABELS and which.any():
                session.change(name, labelled(session.picks(name), which, _LABELS[answer]))
        except UserError as error:
            self.said.emit(error.plain)
            return
        session.mark_done(name)
        count = int(which.sum())
        if count and answer in _LABELS:
            self.said.emit(f"Done. {count:,} picks are now labelled as {_LABELS[answer]}; Ctrl+Z takes that back.")
        else:
            self.said.emit(f"Done. {count:,} unreviewed picks are left out." if count else "Done.")

    def _unreviewed(self, name: str) -> MaskArray:
        """The picks that nobody labelled, as far as they are shown."""
        session, picks = self._session, self._session.picks(name)
        layer = session.points if name == session.current else None
        shown = np.ones(len(picks), dtype=bool) if layer is None else np.asarray(layer.shown)
        return np.asarray(~picks.by_hand & shown)

    def counts(self) -> dict[str, int]:
        """How many picks of each kind the current micrograph has, and how many are hidden."""
        session = self._session
        if not session.current:
            return {}
        picks, layer = session.picks(session.current), session.points
        labels = labels_of(picks)
        background = int((labels.label == "background").sum())
        hidden = 0 if layer is None else int((~np.asarray(layer.shown)).sum())
        return {
            "picked": len(picks) - len(labels),
            "particle": len(labels) - background,
            "background": background,
            "hidden": hidden,
        }

    def _begin(self, name: str) -> None:
        """Another micrograph is shown."""
        self._places.begin()
        self._lasso.put_away()

    # ------------------------------------------------------------ selection

    def select_score(self, low: float, high: float) -> int:
        """Select the picks with a score within a range; tells how many."""
        return self._select(lambda picks: by_score(picks, low, high))

    def select_edge(self, distance: float) -> int:
        """Select the picks nearer to the edge than ``distance`` in Angstrom; pixels where their size is not known."""
        return self._select(lambda picks: near_edge(picks, distance / (picks.frame.pixel_size or 1.0)))

    def select_none(self) -> None:
        """Select nothing, and put the lasso away."""
        self._lasso.put_away()
        if self._session.points is not None:
            self._session.points.selected_data = set()

    def lasso(self) -> None:
        """The next drag draws a line around the picks to select; again: it does not."""
        session = self._session
        if self._lasso.ready:
            self._lasso.put_away()
        elif session.viewer is not None and session.points is not None:
            self._lasso.take(session.viewer, session.points)
            self.lassoing.emit(True)
            self.said.emit("Draw around the picks with the mouse button held down.")

    def _take_outline(self, outline: Any) -> None:
        self._select(lambda picks: inside_outline(picks, outline))

    def _select(self, which: Callable[[Picks], MaskArray]) -> int:
        """Select picks that are visible."""
        session = self._session
        layer = session.points
        if layer is None:
            return 0
        picks = session.picks(session.current)
        rows = np.flatnonzero(which(picks) & np.asarray(layer.shown))
        layer.selected_data = set(rows.tolist())
        self.said.emit(f"{len(rows)} selected.")
        return len(rows)

    def paint(self) -> None:
        """Paint contaminated regions; again: back to the picks."""
        session = self._session
        viewer, regions, points = session.viewer, session.regions, session.points
        if viewer is None or regions is None or points is None:
            return
        painting = regions in viewer.layers.selection and regions.mode == "paint"
        regions.mode = "pan_zoom" if painting else "paint"
        viewer.layers.selection = {points if painting else regions}
        if not painting:
            self.said.emit("Paint over carbon and ice. [ and ] change the brush, E erases, 'Paint' ends.")

    # ------------------------------------------------------------ keys

    def release(self) -> None:
        """Give the keys back."""
        self._lasso.put_away()
        for layer, key in self._bound:
            layer.bind_key(key, None, overwrite=True)
        self._bound.clear()
        self._heard.end()

    def _bind(self) -> None:
        """Bind the keys on layers that have none yet."""
        session = self._session
        for layer in (session.points, session.regions, session.image):
            if layer is None or any(known is layer for known, _ in self._bound):
                continue
            for key in KEYS:
                if layer is session.points or key.everywhere:
                    for name in key.keys:
                        layer.bind_key(name, self._action(key.action), overwrite=True)
                        self._bound.append((layer, name))

    def _action(self, name: str) -> Callable[[Any], None]:
        """A key's function: napari gives it the layer."""
        return lambda _: getattr(self, name)()
