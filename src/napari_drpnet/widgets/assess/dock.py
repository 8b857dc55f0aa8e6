"""Dock widget: refinements assessed side by side, so that picks are judged by the maps that they give."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog

from napari_drpnet.assessment.orientations import point_group
from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Progress
from napari_drpnet.layers import resolution_layer
from napari_drpnet.settings import AssessSettings
from napari_drpnet.widgets.assess.form import AssessForm
from napari_drpnet.widgets.assess.results import LOCAL, NOTHING, SURFACE
from napari_drpnet.widgets.assess.run import Better, Found, coloured_map, half_map_layers, steps, written
from napari_drpnet.widgets.assess.volumes import Volumes
from napari_drpnet.widgets.kit.background import Background
from napari_drpnet.widgets.kit.dropping import Dropping
from napari_drpnet.widgets.kit.forms import filled
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.kit.threads import unheard

if TYPE_CHECKING:
    from napari.viewer import Viewer


class AssessWidget(AssessForm):
    """Add refinements, assess them, look at what was found, and write it down."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer, self.run)
        self.volumes = Volumes(napari_viewer)
        self.page: Path | None = None
        self._reading, self._writing = Background(), Background()
        self._dropping = Dropping(self, self.refinements.add)
        self._heard = Subscriptions(
            (self.refinements.changed, self._follow_list),
            (self.picks.changed, self._check),
            (self.picks.said, lambda text: self.job.say(text)),
            (self.refinements.said, lambda text: self.job.say(text)),
            (self.volumes.lost, self._note_loss),
            (self.maker.made, lambda folder: self.refinements.add([folder])),
            (self.settings["symmetry"].changed, self.maker.check),
            *((widget.changed, self._check) for widget in self.settings.values()),
            (self.results.which.changed, self._show_volumes),
            (self.results.view.changed, self._show_volumes),
        )
        self.refinements.rows.itemDoubleClicked.connect(
            lambda item: self.results.choose(self.refinements.refinements[self.refinements.rows.row(item)].name)
        )
        self.job.ended.connect(self._end)
        self.copy.clicked.connect(self._copy)
        self.write.clicked.connect(self._ask_folder)
        self.open.clicked.connect(self._open_page)
        about(self, "In the window", "assessing.md")
        self._removal = Removal(self, self._release)
        self._check()

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        parts = (self.refinements.looking, self._reading, self._writing)
        return self.job.running or self.maker.job.running or any(part.busy for part in parts)

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Assess the refinements of the list, with the values of the form."""
        with self.job.saying():
            settings, picks = self._settings(), self.picks.asked()
            if picks.picks:
                self.picks.session.flush()  # they may be those of the project
            self._show(Found())
            order = list(self.refinements.refinements), settings, picks
            self.job.run(steps, *order, done=self._show, step=self._improve)

    def _settings(self) -> AssessSettings:
        """A diameter that nobody knows is the usual one, which matters little."""
        values = [widget for widget in self.settings.values() if widget.value is not None or widget.name != "diameter"]
        return filled(AssessSettings, values)

    def _follow_list(self) -> None:
        self.picks.follow(self.refinements.refinements)
        self._check()

    def _check(self, _: object = None) -> None:
        """Assess is on when it can work."""
        self.job.check(self._require_sense)

    def _require_sense(self) -> None:
        point_group(self._settings().symmetry)
        if not self.refinements.refinements:
            raise UserError("Add a refinement: its folder, or its files.")
        with unheard():  # the run tells them
            self.picks.asked()

    def _improve(self, progress: Progress) -> None:
        """One more refinement is ready."""
        if isinstance(progress, Better) and progress.found is not None:
            self._show(progress.found)

    def _show(self, found: Found) -> None:
        self._reading.drop()
        self.page = None
        self.open.setEnabled(False)
        self.said.setText("")
        self.results.take(found)
        self.foot.setVisible(bool(found.known))
        self._show_volumes()

    def _end(self) -> None:
        """The run is over; where it was cancelled, what is ready stays."""
        ready = self.results.found.ready
        if self.results.found.known and self.job.status.value == "Cancelled.":
            self.job.say(f"Cancelled; {ready} of {len(self.refinements.refinements)} are ready.")

    # ------------------------------------------------------------ volumes

    def _show_volumes(self, _: object = None) -> None:
        """Show what is wanted of the chosen refinement in the viewer."""
        one, kind = self.results.chosen, self.results.view.value
        maps = None if one is None else one.maps
        self._reading.drop()
        if one is None or maps is None or kind == NOTHING:
            self.volumes.show([])
        elif kind == LOCAL and maps.local is not None:
            name = f"{one.name}: local resolution (Å)"
            self.volumes.show([resolution_layer(maps.local.values, maps.pixel_size, name, self.results.limits)])
        else:
            make = partial(half_map_layers, maps, one.name)
            if kind == SURFACE:
                make = partial(coloured_map, maps, one.name, self.results.limits)
            self._reading.order(make, self.volumes.show)

    def _note_loss(self) -> None:
        """Somebody removed the layers."""
        with self.results.view.changed.blocked():
            self.results.view.value = NOTHING

    # ------------------------------------------------------------ the page

    def _copy(self) -> None:
        self.results.copy()
        self.said.setText("The table is copied.")

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the page and its files")
        if folder:
            self.write_to(Path(folder))

    def write_to(self, folder: Path) -> None:
        """Write the page and its files to a folder."""
        self.said.setText("Writing")
        self._writing.order(partial(written, self.results.found.known, folder), self._tell)

    def _tell(self, page: Path | str) -> None:
        if isinstance(page, str):
            self.said.setText(page)
            return
        self.page = page
        self.open.setEnabled(True)
        self.said.setText(f"Written to {page.parent}: {page.name}, a table, pictures, curves and maps.")

    def _open_page(self) -> None:
        if self.page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.page)))

    def _release(self, window: bool) -> None:
        """The dock is gone: leave the viewer as it would be without it."""
        self.job.leave(window)
        self.maker.leave(window)
        self.picks.leave()
        for part in (self.refinements.looking, self._reading, self._writing):
            part.leave(window)
        self._heard.end()
        self.volumes.leave(window)
