"""What an assessment has found, side by side and of one refinement: figures, curves, local resolution, views."""

from __future__ import annotations

import re

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QHeaderView, QTabWidget, QWidget

from napari_drpnet import jobs
from napari_drpnet.drawing.colours import colour
from napari_drpnet.errors import cut, without_options
from napari_drpnet.jobs import Assessment
from napari_drpnet.jobs.assess_page import ABOUT
from napari_drpnet.jobs.assess_picks import picks_in_words
from napari_drpnet.widgets.assess.curves import CorrelationPlot, Line, ResolutionHistogram
from napari_drpnet.widgets.assess.picture import Picture
from napari_drpnet.widgets.assess.run import Found, Pictures
from napari_drpnet.widgets.kit.fold import aligned
from napari_drpnet.widgets.kit.narrow import narrow
from napari_drpnet.widgets.kit.parts import give_way, in_column, lay_out, table, wrapped

NOTHING, LOCAL, SURFACE, HALVES = "nothing", "local resolution", "map, coloured by it", "half maps"
_WIDEST = 150  # pixels of a refinement's column
_LONGEST = 40  # letters of a name inside of a text
_LONGEST_LINE = 200  # letters of what is said above the figures; the rest is under the mouse
_FEW = 2  # refinements whose columns leave room for the names of the figures
_PEN = Qt.PenStyle
_CURVES = "Dots: without a mask. Dashes: phases at random."
_VIEWS = "The darker, the more particles are seen from there. "


class Results(QWidget):
    """Empty until there is something."""

    def __init__(self) -> None:
        super().__init__()
        self.found = Found()
        self.problems = wrapped()
        self.which = narrow(ComboBox(label="Refinement", choices=[], tooltip="Whose curves and pictures are shown."))
        self.view = ComboBox(
            label="In the view",
            choices=[NOTHING],
            tooltip="A volume of this refinement, alone: what is there now comes back with 'nothing'.",
        )
        self.figures = table(("",))
        self.curves, self.legend, self.resolution = CorrelationPlot(), wrapped(), wrapped()
        self.histogram, self.parts = ResolutionHistogram(), wrapped()
        self.classes, self.picks = Picture("Class averages of the picks"), wrapped()
        self.globe, self.views = Picture("Views"), wrapped()
        self.plot, self.growth = Picture("Resolution and number of particles"), wrapped()
        self.tabs = QTabWidget()
        for title, parts in (
            ("Figures", (self.figures,)),
            ("FSC", (self.curves, self.legend, self.resolution)),
            ("Local", (self.histogram, self.parts)),
            ("Views", (self.globe, self.views)),
            ("B-factor", (self.plot, self.growth)),
            ("Picks", (self.classes, self.picks)),
        ):
            page = in_column(*parts)
            page.setContentsMargins(0, 4, 0, 0)
            self.tabs.addTab(page, title)
        for label in (self.problems, self.legend, self.resolution, self.parts, self.views, self.growth, self.picks):
            give_way(label)
        self.body = in_column(aligned([self.which, self.view]), self.tabs)
        lay_out(self, self.problems, self.body)
        self.which.changed.connect(self.show_chosen)
        self.take(Found())

    @property
    def chosen(self) -> Assessment | None:
        """The refinement that is looked at."""
        place = self._place
        return None if place is None else self.found.each[place]

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the colours of local resolution in Angstrom, the same for all refinements."""
        every = [pictures.limits for pictures in self.found.pictures if pictures.limits is not None]
        return min(low for low, _ in every), max(high for _, high in every)

    def take(self, found: Found) -> None:
        """Show this, and what was chosen before where it is still there."""
        before = self.which.value
        self.found = found
        names = [one.name for one in found.known]
        with self.which.changed.blocked():
            self.which.choices = names
            if names:
                self.which.value = before if before in names else names[0]
        lines = [
            *(f"⚠ {without_options(problem)}" for problem in jobs.assessment_problems(found.each)),
            *(f"Doubtful: {_signs(without_options(note))}" for note in jobs.doubts(found.each)),
        ]
        self.problems.setText("\n".join(cut(line, _LONGEST_LINE) for line in lines))
        self.problems.setToolTip("\n\n".join(lines) if any(len(line) > _LONGEST_LINE for line in lines) else "")
        self.problems.setVisible(bool(lines))
        self.body.setVisible(bool(names))
        self._fill_figures()
        self.show_chosen()

    def choose(self, name: str) -> None:
        """Look at a refinement, if anything is known of it."""
        if name in self.which.choices:
            self.which.value = name

    def show_chosen(self, _: object = None) -> None:
        """Show the curves and pictures of the chosen refinement, and what can be shown of it in the view."""
        one, place = self.chosen, self._place
        if one is None or place is None:
            return
        pictures = self.found.pictures[place]
        self._fill_curves(one, place)
        self._fill_local(one, place)
        self.globe.show_picture(pictures.globe, pictures.views)
        self.views.setText(_VIEWS + ("" if one.views is None else _unbroken(f"{one.views.in_words}.")))
        self.classes.show_picture(pictures.classes)
        if one.picked is not None:
            self.picks.setText(f"{cut(one.name, _LONGEST)}: {without_options(picks_in_words(one.picked))}")
        self.plot.show_picture(pictures.growth)
        if one.growth is not None:
            self.growth.setText(
                _unbroken(f"{cut(one.name, _LONGEST)}: B-factor {one.growth.value:.0f} ± {one.growth.error:.0f} Å².")
            )
        self._offer(one, pictures)

    @property
    def _place(self) -> int | None:
        names = [one.name for one in self.found.each]
        return names.index(self.which.value) if self.which.value in names else None

    def _offer(self, one: Assessment, pictures: Pictures) -> None:
        """Only what there is can be looked at."""
        curves = one.maps is not None or one.postprocess is not None
        there = (
            *(True, curves, pictures.local is not None, one.views is not None, pictures.growth is not None),
            one.picked is not None,
        )
        for number, is_there in enumerate(there):
            self.tabs.setTabVisible(number, is_there)
        kinds = [NOTHING]
        kinds += [LOCAL, SURFACE] if pictures.local is not None else []
        kinds += [HALVES] if one.maps is not None else []
        if list(self.view.choices) != kinds:
            before = self.view.value
            with self.view.changed.blocked():
                self.view.choices = kinds
                self.view.value = before if before in kinds else NOTHING

    # ------------------------------------------------------------ figures

    def _fill_figures(self) -> None:
        head, rows = self.found.head, self.found.rows
        self.figures.setColumnCount(len(head))
        self.figures.setHorizontalHeaderLabels(head)
        self.figures.fill([(_signs(name), *cells) for name, *cells in rows])
        header = self.figures.horizontalHeader()
        assert header is not None
        header.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column in range(1, len(head)):
            wide = max(self.figures.sizeHintForColumn(column), header.sectionSizeHint(column))
            self.figures.setColumnWidth(column, min(wide, _WIDEST))
            if (title := self.figures.horizontalHeaderItem(column)) is not None:
                title.setToolTip(head[column])
        if len(head) <= _FEW + 1:
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        else:
            self.figures.resizeColumnToContents(0)
        for row, (name, *cells) in enumerate(rows):
            if (item := self.figures.item(row, 0)) is not None:
                item.setToolTip(ABOUT.get(name.split(" (")[0], _signs(name)))
            for column in range(1, len(cells) + 1):
                if (item := self.figures.item(row, column)) is not None:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.figures.fit()
        bar = self.figures.horizontalScrollBar()
        if bar is not None and len(head) > _FEW + 1:
            self.figures.setFixedHeight(self.figures.height() + bar.sizeHint().height())

    def copy(self) -> None:
        """Put the table of figures where it can be pasted into a spreadsheet."""
        head, rows = self.found.head, self.found.rows
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join("\t".join(row) for row in (head, *rows)) + "\n")

    # ------------------------------------------------------------ half maps

    def _fill_curves(self, chosen: Assessment, place: int) -> None:
        """Every refinement as a line; the chosen one on top, with the curves that its own comes from."""
        others = [
            line for number, one in enumerate(self.found.each) if one is not chosen for line in _lines(one, number)
        ]
        self.curves.show_lines([*_details(chosen, place), *others, *_lines(chosen, place, 2.6)])
        self.legend.setText(" &nbsp; ".join(_sign(one, number) for number, one in enumerate(self.found.each)
                                            if _lines(one, number)))  # fmt: skip
        said = "" if chosen.maps is None else f"{_signs(jobs.resolution_in_words(chosen.maps))} "
        masked = chosen.maps is not None and chosen.maps.correlation.corrected is not None
        self.resolution.setText(said + (_CURVES if masked else ""))

    def _fill_local(self, chosen: Assessment, place: int) -> None:
        pictures = self.found.pictures
        values, parts = pictures[place].local, pictures[place].parts
        if values is None or parts is None:
            return
        others = [
            (colour(number), one.local)
            for number, one in enumerate(pictures)
            if number != place and one.local is not None
        ]
        self.histogram.show_values(values, others, self.limits)
        best, middle, worst = parts
        self.parts.setText(
            f"{cut(chosen.name, _LONGEST)}: half of it is resolved better than {middle:.1f} Å, a tenth better than "
            f"{best:.1f} Å, a tenth worse than {worst:.1f} Å."
        )


def _lines(one: Assessment, number: int, width: float = 1.6) -> list[Line]:
    """The curve that resolution is read off, and RELION's own."""
    lines = []
    if one.maps is not None:
        shells = one.maps.correlation
        lines.append(Line(shells.frequency, shells.best, colour(number), width=width))
    if one.postprocess is not None:
        style = _PEN.SolidLine if one.maps is None else _PEN.DashDotLine
        lines.append(Line(one.postprocess.frequency, one.postprocess.corrected, colour(number), style, width))
    return lines


def _details(one: Assessment, number: int) -> list[Line]:
    """The curves that the corrected one comes from."""
    if one.maps is None or one.maps.correlation.corrected is None:
        return []
    shells = one.maps.correlation
    lines = [Line(shells.frequency, shells.unmasked, colour(number), _PEN.DotLine)]
    if shells.randomised is not None:
        lines.append(Line(shells.frequency, shells.randomised, colour(number), _PEN.DashLine))
    return lines


def _sign(one: Assessment, number: int) -> str:
    """The colour of a refinement, with its resolution."""
    if one.maps is not None:
        resolution = one.maps.correlation.resolution()
    else:
        resolution = float("nan") if one.postprocess is None else one.postprocess.resolution
    told = f" {resolution:.1f} Å" if resolution < float("inf") else ""
    return f'<span style="color:{colour(number)}">■</span> {cut(one.name, _LONGEST)}{told}'


def _unbroken(text: str) -> str:
    """Text in which a number and its error stay together."""
    return text.replace(" ± ", "\u00a0±\u00a0")


def _signs(text: str) -> str:
    """Units as they are written in the window."""
    return re.sub(r"(?<=\d )A\b|(?<=\()A\b", "Å", text).replace("Å^2", "Å²").replace("local resolution, ", "local, ")
