"""Make the pictures of picks: ``python docs/make_pick_figures.py --data DATA [SET...]``.

One picture for every set of ``benchmarks/quality.py``: the picks at the default settings on one micrograph, found,
false and missed in colours of their own. Of images with nothing to pick, every one is shown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageColor, ImageDraw, ImageFont

from napari_drpnet import Micrograph, Picks
from napari_drpnet.drawing.overlay import FALSE, MISSED, TRUE, Rings, draw_rings, draw_verdict, save_png
from napari_drpnet.preprocess import smooth

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from contenders import DRPNET
from measures import Sample, TestSet, find_sets, judge

IMAGES = Path(__file__).parent / "images"
SIDE, COLUMNS = 760, 3
GREYS = 24  # a palette keeps pictures of noise small
SMOOTHING = 0.03  # of a particle, for the eye
THRESHOLD = 0.5


def figure(test: TestSet) -> Image.Image:
    """What drpnet finds in ``test``, with a caption."""
    samples = test.samples[:1] if test.has_truth else test.samples
    found = DRPNET.find(samples, threshold=THRESHOLD).picks
    if test.has_truth:
        verdict = judge(found, samples).verdicts[0]
        picture = draw_verdict(shown(samples[0]), verdict, samples[0].diameter, SIDE)
        counts = verdict.counts
        words = f"precision {counts.precision:.2f}, recall {counts.recall:.2f} on this micrograph; edges are not scored"
    else:
        picture = mosaic([counted(sample, picks) for sample, picks in zip(samples, found, strict=True)])
        words = f"{sum(map(len, found))} picks on {len(found)} images"
    return captioned(picture, f"{test.name}, networks: {DRPNET.label}, threshold {THRESHOLD}", words)


def shown(sample: Sample) -> Micrograph:
    """The micrograph, a little smoother."""
    micrograph = sample.micrograph
    sigma = SMOOTHING * micrograph.frame.micrograph_pixels(sample.diameter)
    return Micrograph(smooth(micrograph.image, sigma), micrograph.frame)


def counted(sample: Sample, picks: Picks) -> Image.Image:
    picture = draw_rings(shown(sample), [Rings(picks.yx, FALSE)], sample.diameter, SIDE // 2)
    return captioned(picture, f"{len(picks)} picks")


def mosaic(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures side by side, in rows."""
    width, height = (max(picture.size[axis] for picture in pictures) + 4 for axis in (0, 1))
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (width * min(COLUMNS, len(pictures)), height * rows), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % COLUMNS * width, index // COLUMNS * height))
    return sheet


def captioned(picture: Image.Image, *lines: str) -> Image.Image:
    """A picture with lines of text below it."""
    font, height = ImageFont.load_default(15), 21
    sheet = Image.new("RGB", (picture.width, picture.height + height * len(lines) + 8), "white")
    sheet.paste(picture)
    pencil = ImageDraw.Draw(sheet)
    for index, line in enumerate(lines):
        pencil.text((4, picture.height + 4 + height * index), line, fill="black", font=font)
    return sheet


def few_colours(picture: Image.Image) -> Image.Image:
    """The picture in greys and the colours of the rings, pure and half."""
    rings = [ImageColor.getrgb(colour) for colour in (TRUE, FALSE, MISSED)]
    halves = [tuple((channel + 110) // 2 for channel in colour) for colour in rings]
    greys = [(level * 255 // (GREYS - 1),) * 3 for level in range(GREYS)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in (*greys, *rings, *halves) for channel in colour])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help="sets whose name has this in it; default: all")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets")
    parser.add_argument(
        "--simulated", type=Path, default=Path("runs/simulated"), help="folder of test-15, test-30, ..."
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    for test in find_sets(options.data, options.simulated):
        if options.sets and not any(part in test.name for part in options.sets):
            continue
        name = "-".join(test.name.split()[:2])
        path = save_png(few_colours(figure(test)), IMAGES / f"picks-{name}.png")
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
