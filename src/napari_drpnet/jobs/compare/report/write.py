"""What a comparison writes beside the picks: tables, pictures, and the page."""

from __future__ import annotations

from napari_drpnet.drawing.overlay import save_png
from napari_drpnet.io.files import write_text
from napari_drpnet.jobs.compare.report.page import Pictures, page
from napari_drpnet.jobs.compare.report.pictures import class_strips, draw_curves, flat, overlay_files, overlays
from napari_drpnet.jobs.compare.report.tables import write_tables
from napari_drpnet.jobs.compare.result import ComparisonReport
from napari_drpnet.steps import Job, Progress


def write_files(report: ComparisonReport) -> Job[None]:
    """Write the tables, the curves, the pictures, and the page with all of them; each is whole or not there."""
    out, total = report.settings.out, len(report.tasks)
    yield Progress(total, total, 0, "writing the tables")
    write_tables(report)
    if (curves := draw_curves(report)) is not None:
        save_png(curves, out / "curves.png")
    strips = dict(class_strips(report))
    for name, strip in strips.items():
        save_png(strip, out / "averages" / f"{name}.png")
    pictures, files = Pictures(), overlay_files(report)
    for name, picture in overlays(report):
        yield Progress(total, total, 0, f"drawing {name}")
        save_png(flat(picture), out / files[name])
        pictures.add(name, picture)
    write_text(page(report, pictures, strips), report.page)
