"""The command that scores picks: evaluate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, JsonFlag, option, options
from napari_drpnet.cli.terminal import print_json, print_table, tell
from napari_drpnet.errors import UserError
from napari_drpnet.settings import EvaluationSettings, validated

if TYPE_CHECKING:
    from napari_drpnet.evaluation import Evaluation, Verdict

_FILES = "A file of picks, or a folder with one file per micrograph (STAR or CSV)."


def evaluate(
    picks: Annotated[Path, typer.Argument(help=_FILES)],
    truth: Annotated[Path, typer.Argument(help=f"The true particles. {_FILES}")],
    told: Annotated[Given, options(EvaluationSettings, leave_out=["shape"], needed=True)],
    shape: Annotated[str | None, option(EvaluationSettings, "shape")] = None,
    json: JsonFlag = False,
) -> None:
    """Compare picks with the truth.

    Gives precision, recall, F1 and AP, the average precision by distance (the area under the precision-recall curve).
    Picks and particles are assigned one to one; a second pick on a particle is false. Counts are summed over
    micrographs before ratios are taken. Where all picks and particles have sizes, and all picks scores, also the box
    AP, AP50, AP75 and AR of COCO, by intersection over union.
    """
    if shape is not None:
        told["shape"] = _height_width(shape)
    settings = validated(EvaluationSettings, told)
    result = jobs.evaluate_files(picks, truth, settings)
    _warn(result)
    if json:
        print_json(_document(result))
    else:
        head = ["micrograph", "picks", "particles", "precision", "recall", "F1", "AP"]
        rows = [_row(verdict.micrograph, verdict) for verdict in result.verdicts] + [_row("all", result)]
        if result.boxes is not None:
            head += ["box AP", "box AP50", "box AP75", "box AR"]
        print_table(head, [row[: len(head)] for row in rows])


def _height_width(text: str) -> tuple[int, int]:
    try:
        height, width = (int(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(f"--shape {text} is not HEIGHT,WIDTH.", "Write for example --shape 4096,4096.") from error
    return height, width


def _warn(result: Evaluation) -> None:
    for names, has, lacks in ((result.only_picks, "picks", "truth"), (result.only_truth, "truth", "picks")):
        if names:
            tell("warning", f"left out, as they have {has} but no {lacks}: {', '.join(names)}.")
    if result.fits_better_flipped:
        tell(
            "warning",
            f"turned upside down, the picks fit better (F1 {result.flipped.f1:.3f} instead of {result.counts.f1:.3f}): "
            "one of the two counts its rows from the other end.",
        )


def _row(name: str, result: Evaluation | Verdict) -> list[str]:
    counts = result.counts
    numbers = (counts.precision, counts.recall, counts.f1, result.area, *_boxes(result).values())
    sizes = (counts.true + counts.false, counts.true + counts.missed)
    return [name, *map(str, sizes), *("-" if math.isnan(number) else f"{number:.3f}" for number in numbers)]


def _document(result: Evaluation) -> dict[str, object]:
    return {
        "pooled": _numbers(result),
        "flipped": {"f1": result.flipped.f1, "fits_better": result.fits_better_flipped},
        "micrographs": [{"micrograph": verdict.micrograph, **_numbers(verdict)} for verdict in result.verdicts],
        "only_picks": result.only_picks,
        "only_truth": result.only_truth,
    }


def _numbers(result: Evaluation | Verdict) -> dict[str, float]:
    counts = result.counts
    return {
        "true_positives": counts.true,
        "false_positives": counts.false,
        "false_negatives": counts.missed,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "average_precision": result.area,
        **_boxes(result),
    }


def _boxes(result: Evaluation | Verdict) -> dict[str, float]:
    """COCO's figures of boxes, NaN where they are not known."""
    names = ("ap", "ap50", "ap75", "ar")
    return {f"box_{name}": getattr(result.boxes, name, math.nan) for name in names}
