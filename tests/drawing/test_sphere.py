import numpy as np
import pytest

from napari_drpnet.assessment.sphere import centres, pixels
from napari_drpnet.drawing.sphere import draw_views

SIDE = 8


def seen(rot: float, tilt: float, counts: dict[tuple[float, float], int], most: int | None = None) -> tuple[int, ...]:
    """The colour of the picture where Hammer's formula puts a view."""
    every = np.zeros(12 * SIDE**2, np.int64)
    for (a, b), number in counts.items():
        way = [np.sin(np.deg2rad(b)) * np.cos(np.deg2rad(a)), np.sin(np.deg2rad(b)) * np.sin(np.deg2rad(a)),
               np.cos(np.deg2rad(b))]  # fmt: skip
        every[pixels(np.array([way]), SIDE)] = number
    image = draw_views(every, "title", most=most)
    longitude, latitude = np.deg2rad(rot) / 2, np.deg2rad(90 - tilt)
    root = np.sqrt(1 + np.cos(latitude) * np.cos(longitude))
    # The ellipse is 860 wide, 430 high, and begins at (20, 70).
    x = 20 + 430 * (1 + np.cos(latitude) * np.sin(longitude) / root)
    y = 70 + 215 * (1 - np.sin(latitude) / root)
    return image.getpixel((round(x), round(y)))  # type: ignore[return-value]


@pytest.mark.parametrize(("rot", "tilt"), [(25, 80), (-100, 45), (140, 110), (-40, 140), (10, 20)])
def test_a_view_is_where_the_projection_has_it(rot: float, tilt: float):
    here = {(rot, tilt): 10}
    assert sum(seen(rot, tilt, here)) < 150
    assert sum(seen(-rot, tilt, here)) > 700
    assert sum(seen(rot, 180 - tilt, here)) > 700


def test_more_is_darker_and_the_scale_can_be_given():
    few, many = {(25.0, 80.0): 2, (90.0, 80.0): 50}, (25.0, 80.0)
    assert sum(seen(90, 80, few)) < sum(seen(*many, few))
    assert sum(seen(90, 80, few, most=5000)) > sum(seen(90, 80, few))


def test_every_number_of_particles_has_a_scale():
    for number in (0, 1, 2, 7, 499, 12345, 10**6):
        draw_views(np.full(len(centres(SIDE)), number), "title")
    with pytest.raises(ValueError, match="no number of pixels"):
        draw_views(np.zeros(100, np.int64), "title")
