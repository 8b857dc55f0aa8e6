"""Which of several images the points of a layer belong to."""

from __future__ import annotations

from collections.abc import Sequence
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.names import NameIndex
from napari_drpnet.layers.ground import Ground, Sight
from napari_drpnet.layers.marks import Marks
from napari_drpnet.layers.placement import called
from napari_drpnet.layers.transforms import to_world

NEAR = 0.5  # micrograph pixels: nearer than that, points lie where their layer says


def matrix_of(marks: Marks, ground: Ground) -> FloatArray:
    """From the marks' layer to the world, in the units that the image is in."""
    return to_world(marks.attributes, marks.ndim, ground.by_units)


def ground_of_own(marks: Marks, sight: Sight) -> tuple[Ground | None, bool]:
    """The image of the micrograph that a layer of our own names, and whether its points lie there as they say.

    The image is None where the viewer has none.

    Raises
    ------
    UserError
        When the points do not lie as they say, and the name may be that of several micrographs.
    """
    assert marks.frame is not None, "it is of our own"
    whole = [ground for ground in sight.grounds if ground.whole]
    names = NameIndex(ground.frame.micrograph for ground in whole).find(called(marks.frame, marks.metadata))
    own = [ground for ground in whole if ground.frame.micrograph in names]
    own.sort(key=lambda ground: not ground.visible)
    agreeing = next((ground for ground in own if _agrees(marks, ground)), None)
    if agreeing is not None or not own:
        return agreeing, True
    if len(names) > 1:
        raise _unclear(marks, own)
    return own[0], False


def _agrees(marks: Marks, ground: Ground) -> bool:
    yx = ground.to_micrograph(ground.places(marks.points, matrix_of(marks, ground))[:, -2:])
    return bool((np.abs(yx - marks.points[:, -2:]) <= NEAR).all())


def ground_of_other(marks: Marks, sight: Sight) -> Ground | None:
    """The image under the points of a layer of any other making; None where the viewer has no image.

    It is that of the only micrograph, or else of the topmost one that is shown and has all points on it. Images that
    were made of others, and do not say what of, count where no micrograph lies under the points.

    Raises
    ------
    UserError
        When no image lies under the points, or it is not clear which is meant.

    Warns
    -----
    UserWarning
        When another image lies above the one that is taken.
    """
    if not sight.grounds:
        return None
    whole = [ground for ground in sight.grounds if ground.whole]
    under = [ground for ground in whole if len(marks) == 0 or _on(marks, ground).any()]
    if not under:
        raise _nothing_under(marks, sight)
    micrographs = [ground for ground in under if ground.known] or under
    shown = [ground for ground in micrographs if ground.visible] or micrographs
    chosen = shown[0]
    if any(not chosen.like(ground) for ground in shown):
        _require_top(marks, sight, shown)
    above = next((ground for ground in under if ground.visible), chosen)
    if not above.like(chosen) or _number(shown) > 1:
        warn(
            f"Layer {marks.title}: its points are taken as those of micrograph {chosen.title}, "
            "not of another image that lies there, too.",
            stacklevel=5,
        )
    if not chosen.known:
        warn(
            f"Layer {marks.title}: the image {chosen.title} comes from no file; its pixels are taken as those of a "
            "micrograph of that name.",
            stacklevel=5,
        )
    return chosen


def _on(marks: Marks, ground: Ground) -> MaskArray:
    return ground.holds(marks.points, matrix_of(marks, ground))


def _number(grounds: Sequence[Ground]) -> int:
    """Of different micrographs."""
    return sum(not any(ground.like(other) for other in grounds[:i]) for i, ground in enumerate(grounds))


def _require_top(marks: Marks, sight: Sight, shown: Sequence[Ground]) -> None:
    """Of several micrographs, the topmost is meant if it hides the others and has all points."""
    on = [_on(marks, ground) for ground in shown]
    all_on_top = bool((on[0] | ~np.any(on, axis=0)).all())
    if sight.beside or not all_on_top or not any(ground.visible for ground in shown):
        raise _unclear(marks, shown)


def _unclear(marks: Marks, grounds: Sequence[Ground]) -> UserError:
    names = ", ".join(ground.title for ground in grounds[:2]) + (" and others" if len(grounds) > 2 else "")
    return UserError(
        f"Layer {marks.title}: it is not clear on which micrograph its points lie ({names}).",
        "Hide the other images, and keep the points of one micrograph in one layer.",
    )


def _nothing_under(marks: Marks, sight: Sight) -> UserError:
    part = next((ground for ground in sight.grounds if not ground.whole), None)
    if part is not None:
        return UserError(
            f"Layer {marks.title}: the image {part.title} is a part of its micrograph.", "Open the micrograph itself."
        )
    return UserError(
        f"Layer {marks.title}: no image lies under its points.", "Open the micrograph that they were made on."
    )
