"""A table of figures over pictures, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_WIDE, _GAP, _ROW = 840, 24, 34  # pixels
_SIZE, _LETTERS = 20, 28
_INK, _PALE, _GROUND = "#222222", "#cccccc", "white"


def draw_side_by_side(
    head: Sequence[str], rows: Sequence[Sequence[str]], groups: Sequence[Sequence[tuple[str, Image.Image]]]
) -> Image.Image:
    """The table, and below it pictures, each under its title, two in a row; each group begins a row.

    Parameters
    ----------
    head, rows
        Of the table; the first column is to the left, the others to the right.
    groups
        Titles and pictures; wide ones are made smaller.
    """
    table = _table([[_short(name) for name in head], *rows])
    lines = [
        [_tile(title, picture) for title, picture in group[number : number + 2]]
        for group in groups
        for number in range(0, len(group), 2)
    ]
    height = table.height + _GAP + sum(max(tile.height for tile in line) + _GAP for line in lines)
    sheet = Image.new("RGB", (max(table.width, 2 * _WIDE + _GAP) + 2 * _GAP, height + 2 * _GAP), _GROUND)
    sheet.paste(table, (_GAP, _GAP))
    top = table.height + 2 * _GAP
    for line in lines:
        for number, tile in enumerate(line):
            sheet.paste(tile, (_GAP + number * (_WIDE + _GAP), top))
        top += max(tile.height for tile in line) + _GAP
    return sheet


def _table(cells: Sequence[Sequence[str]]) -> Image.Image:
    font = ImageFont.load_default(_SIZE)
    widths = [max(round(font.getlength(cell)) for cell in column) + _GAP for column in zip(*cells, strict=True)]
    picture = Image.new("RGB", (sum(widths), _ROW * len(cells) + 4), _GROUND)
    draw = ImageDraw.Draw(picture)
    for number, row in enumerate(cells):
        middle, right = _ROW * number + _ROW // 2, 0
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            right += width
            at = (right, middle) if column else (0, middle)
            draw.text(at, cell, _INK, font, anchor="rm" if column else "lm")
        below = _ROW * (number + 1)
        draw.line([(0, below), (picture.width, below)], _PALE if number else _INK, 1 if number else 2)
    return picture


def _tile(title: str, picture: Image.Image) -> Image.Image:
    small = picture.convert("RGB")
    if small.width > _WIDE:
        small = small.resize((_WIDE, round(small.height * _WIDE / small.width)), Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (_WIDE, small.height + _ROW), _GROUND)
    ImageDraw.Draw(tile).text((0, _ROW // 2), title, _INK, ImageFont.load_default(_SIZE), anchor="lm")
    tile.paste(small, (0, _ROW))
    return tile


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 3]}..."
