"""The controls of the 2D averages, and where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, FloatSpinBox
from napari.layers import Points
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QBoxLayout, QLabel, QWidget

from napari_drpnet.settings import AveragingSettings
from napari_drpnet.widgets.averages.grid import AveragesGrid
from napari_drpnet.widgets.kit.fold import aligned, rows_of
from napari_drpnet.widgets.kit.forms import control
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.key_list import tell_keys
from napari_drpnet.widgets.kit.narrow import narrow
from napari_drpnet.widgets.kit.parts import NeverCut, Scrolled, button, in_column, in_row, lay_out, wrapped
from napari_drpnet.widgets.kit.source import ImageForm, picks_layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.viewer import Viewer

PROJECT, HERE, LAYER = "all picks of the project", "its picks on this micrograph", "points on an image"
HINT = (
    "Averages of the picks, sorted by what they look like. The first come after a few seconds, then better ones.\n\n"
    "Look whether they show the particle. Their evidence says how far that is proved: noise has 0."
)
tell_keys(
    "Averages",
    (
        ("G", "accept the class"),
        ("B", "reject the class"),
        ("N", "next of its picks"),
        ("Shift-N", "the one before"),
        ("Return", "its picks in the Gallery"),
        ("Control-Z", "take back"),
    ),
)
_KEYS = (
    "<b>Click</b> select its picks · <b>N</b>, <b>Shift+N</b> go through them · <b>Double click</b> Gallery · "
    "<b>Ctrl+Z</b> take back"
)
_ACCEPTED = [("picks stay", "stay"), ("become particle labels", "particle")]
_REJECTED = [("picks are removed", "removed"), ("become background labels", "background")]
_BESIDE = 720  # pixels of width from which the averages are beside the controls, where the dock is lower than wide
_BAR = 18  # pixels of width for a scroll bar


class AveragesForm(QWidget):
    """What is seen of the dock; what it does is in `AveragesWidget`.

    Parameters
    ----------
    viewer
        Whose layers are offered.
    grid
        The averages.
    run
        Called when Run is pressed.
    """

    def __init__(self, viewer: Viewer, grid: AveragesGrid, run: Callable[[], None]) -> None:
        super().__init__()
        self._viewer = viewer
        self.grid = grid
        self.where = ComboBox(label="Average", choices=[LAYER], tooltip="Whose picks.")
        self.image = ImageForm(viewer)
        self.points = narrow(
            ComboBox(label="Picks", choices=self._layers, tooltip="The Points layer whose points are averaged.")
        )
        self.diameter: Any = control(AveragingSettings, "diameter", empty="not known")
        self.classes: Any = control(AveragingSettings, "classes")
        self.threshold = FloatSpinBox(
            label="Score from",
            min=0.0,
            max=1000.0,
            step=0.05,
            tooltip=AveragingSettings.model_fields["threshold"].description,
        )
        self.threshold.native.setSpecialValueText("all")
        self.job = JobBar("Run", run)
        self.told = wrapped()
        self.accept = button("Accept (G)", "The chosen classes are good: key G.")
        self.reject = button("Reject (B)", "The chosen classes are junk: key B or Delete.")
        self.accepted = narrow(
            ComboBox(
                choices=_ACCEPTED,
                tooltip="What becomes of the picks of a class that you accept. Labels stay when a micrograph is picked "
                "again, and Retrain learns from them.",
            )
        )
        self.rejected = narrow(
            ComboBox(
                choices=_REJECTED,
                tooltip="What becomes of the picks of a class that you reject. Those that are removed may come back "
                "when the micrograph is picked again; labels stay, and Retrain learns from them.",
            )
        )
        self.templates = button(
            "Use as templates",
            "Write the chosen averages, else those that you accepted, else all, as templates of the template picker.",
        )
        self.save = button(
            "Save…", "Write averages, RELION's STAR files of the classes, a table and a picture to a folder."
        )
        self.said = wrapped()
        self._lay_out()

    # ------------------------------------------------------------ parts

    def _lay_out(self) -> None:
        self._head = aligned([self.where, *self.image.widgets, self.points, self.diameter])
        row = in_row(self.classes.native, QLabel("Score from"), self.threshold.native, stretch=(1, 0, 1))
        rows_of(self._head).addRow("Classes", row)
        keys = wrapped(_KEYS)
        self._controls = in_column(self._head, self.job.native, self.told)
        accepting = in_row(self.accept, self.accepted.native, stretch=(1, 2))
        rejecting = in_row(self.reject, self.rejected.native, stretch=(1, 2))
        self._below = in_column(accepting, rejecting, in_row(self.templates, self.save), self.said, keys)
        for part in (self._controls, self._below):
            layout = part.layout()
            assert layout is not None
            layout.setSpacing(4)
        self._aside = QWidget()
        self._aside_column = lay_out(self._aside)
        whole = QWidget()
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom, whole)
        self._box.setContentsMargins(0, 0, 0, 0)
        lay_out(self, NeverCut(whole), margin=6)
        self._is_beside: bool | None = None
        self._scroll = Scrolled(self._aside)
        self._arrange(False)

    def resizeEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        super().resizeEvent(event)
        self._arrange(self.width() >= _BESIDE and self.width() > self.height())

    def _arrange(self, beside: bool) -> None:
        """Controls above and below the averages, or all of them on their left."""
        if beside == self._is_beside:
            return
        self._is_beside = beside
        while self._box.count():
            self._box.takeAt(0)
        if beside:
            self._aside_column.addWidget(self._controls)
            self._aside_column.addWidget(self._below)
            self._aside_column.setAlignment(Qt.AlignmentFlag.AlignTop)
            self._box.setDirection(QBoxLayout.Direction.LeftToRight)
            self._box.addWidget(self._scroll)
            self._box.addWidget(self.grid, 1)
            self._scroll.setFixedWidth(self._aside.minimumSizeHint().width() + _BAR)
        else:
            self._box.setDirection(QBoxLayout.Direction.TopToBottom)
            for part, stretch in ((self._controls, 0), (self.grid, 1), (self._below, 0)):
                self._box.addWidget(part, stretch)
        self._scroll.setVisible(beside)

    # ------------------------------------------------------------ what is on it

    @property
    def of_project(self) -> bool:
        """Whether the picks of the project are averaged."""
        return bool(self.where.value in (PROJECT, HERE))

    @property
    def layer(self) -> Points | None:
        """The layer of the picks, where they are in one."""
        layer = self.points.value
        return layer if isinstance(layer, Points) else None

    def offer(self, project: bool) -> None:
        """Whether there is a project to average; it is then chosen."""
        with self.where.changed.blocked():
            self.where.choices = [PROJECT, HERE, LAYER] if project else [LAYER]
            self.where.value = PROJECT if project else LAYER
        self.show_rows()

    def show_rows(self) -> None:
        """Only what matters to the choice is on the form."""
        for widget in (*self.image.widgets, self.points):
            rows_of(self._head).setRowVisible(widget.native, not self.of_project)

    def offer_layers(self) -> None:
        """The layers are other ones; the first that names the chosen image is chosen where none was."""
        before = self.layer
        with self.points.changed.blocked():
            self.points.reset_choices()
            if before is None or before not in self._viewer.layers:
                named = [layer for _, layer in self._layers() if self._is_of_image(layer)]
                if named:
                    self.points.value = named[-1]
        if self.layer is not before:
            self.points.changed.emit(self.layer)

    def follow_image(self) -> None:
        """Another image is chosen: its own picks, where there are some."""
        named = [layer for _, layer in self._layers() if self._is_of_image(layer)]
        if named and self.layer not in named:
            self.points.value = named[-1]

    def _is_of_image(self, layer: Points) -> bool:
        image, frame = self.image.layer, layer.metadata.get("frame")
        of_image = None if image is None else image.metadata.get("frame")
        return frame is not None and of_image is not None and frame.micrograph == of_image.micrograph

    def _layers(self, _: Any = None) -> list[tuple[str, Points]]:
        return [(layer.name, layer) for layer in picks_layers(self._viewer) if isinstance(layer, Points)]
