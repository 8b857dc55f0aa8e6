"""Draw how good networks get for what they cost: ``python docs/make_network_figure.py [TABLE]``.

TABLE, by default benchmarks/networks/courses.tsv, has tabs between its columns, and a row for each network at each
number of steps it was scored at:

- network: its name. weights: how many it has. steps, crops: of training so far, and crops that it saw in them.
- best F1 SET, AP SET: on a validation set, a column each, for as many sets as there are. Empty where not measured.
- CPU-s: of picking a micrograph of 4096 x 4096 pixels, particles of 108 px. Empty where nobody measured it.

Writes docs/images/networks.png: above, each figure as training goes on, a line a network; below, the best of each
network against the seconds that picking takes.
"""

from __future__ import annotations

import argparse
import csv
import math
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

OUT = Path(__file__).parent / "images" / "networks.png"
TABLE = Path(__file__).parents[1] / "benchmarks" / "networks" / "courses.tsv"
NUMBERS = ("weights", "steps", "crops", "CPU-s")
FIGURES = ("best F1", "AP")


@dataclass(frozen=True)
class Course:
    """One network as its training goes on: numbers by column, each a list in the order of the crops it saw."""

    network: str
    columns: dict[str, list[float]]

    @property
    def label(self) -> str:
        """Its name and size."""
        return f"{self.network}, {self.columns['weights'][-1] / 1e6:.2g} million weights"

    @property
    def seconds(self) -> float:
        """CPU-seconds a micrograph; the training does not change them."""
        return next((value for value in self.columns["CPU-s"] if not math.isnan(value)), math.nan)

    def measured(self, figure: str) -> tuple[list[float], list[float]]:
        """Crops seen and a figure of merit, where somebody measured it."""
        pairs = zip(self.columns["crops"], self.columns[figure], strict=True)
        known = [(crops, value) for crops, value in pairs if not math.isnan(value)]
        return [crops for crops, _ in known], [value for _, value in known]

    def best(self, figure: str) -> float:
        """The highest value of a figure of merit."""
        return max((value for value in self.columns[figure] if not math.isnan(value)), default=math.nan)


def read_courses(table: Path) -> list[Course]:
    """The networks of a table, in its order.

    Raises
    ------
    SystemExit
        When a column is missing.
    """
    with table.open(encoding="utf-8") as file:
        reader = csv.DictReader(file, delimiter="\t")
        names = reader.fieldnames or ()
        rows = list(reader)
    figures = [name for name in names if name.startswith(FIGURES)]
    missing = {"network", *NUMBERS} - set(names)
    if missing or not figures:
        raise SystemExit(f"{table}: there is no column {', '.join(sorted(missing)) or 'AP SET'}.")
    courses = []
    for network in dict.fromkeys(row["network"] for row in rows):
        mine = sorted((row for row in rows if row["network"] == network), key=lambda row: float(row["crops"]))
        columns = {name: [float(row[name] or "nan") for row in mine] for name in (*NUMBERS, *figures)}
        courses.append(Course(network, columns))
    return courses


def draw(courses: list[Course]) -> Figure:
    """A column of panels for each figure of merit."""
    figures = [name for name in courses[0].columns if name.startswith(FIGURES)]
    page, panels = plt.subplots(2, len(figures), figsize=(3.2 * len(figures), 6.2), layout="constrained", squeeze=False)
    for figure, (course_of, cost) in zip(figures, panels.T, strict=True):
        for course in courses:
            (line,) = course_of.plot(*course.measured(figure), ".-", label=course.label)
            if not math.isnan(course.seconds):
                best = course.best(figure)
                cost.plot(course.seconds, best, "o", color=line.get_color())
                cost.annotate(
                    course.network, (course.seconds, best), (0, 5), textcoords="offset points", fontsize=7, ha="center"
                )
        course_of.set(title=figure, xlabel="crops seen")
        course_of.xaxis.set_major_formatter(EngFormatter())
        cost.margins(y=0.4)
        cost.set(
            xlabel="CPU-seconds a micrograph",
            xlim=(0, 1.2 * max((c.seconds for c in courses if c.seconds > 0), default=1.0)),
        )
        for axes in (course_of, cost):
            axes.grid(alpha=0.3)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    page.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), len(figures)), fontsize=8)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, nargs="?", default=TABLE)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    draw(read_courses(options.table)).savefig(options.out, dpi=90)


if __name__ == "__main__":
    main()
