import numpy as np
from PIL import Image, ImageColor

from napari_drpnet.assessment.bfactor import fit_b_factor
from napari_drpnet.drawing.colours import colour
from napari_drpnet.drawing.correlations import draw_correlations, draw_growth, draw_local


def rows_of(image: Image.Image, index: int, left: int, right: int) -> np.ndarray:
    """The rows in which the colour of a set is, between two columns of the plot."""
    wanted = np.array(ImageColor.getrgb(colour(index)))
    pixels = np.array(image)[:, left:right].astype(int)
    return np.flatnonzero((np.abs(pixels - wanted).sum(axis=2) < 30).any(axis=1))


def test_each_curve_is_where_its_numbers_are():
    k = np.linspace(0, 0.25, 60)
    fine, coarse = (1 / (1 + np.exp((k - middle) * 100)) for middle in (0.18, 0.12))
    image = draw_correlations({"fine": (k, fine), "coarse": (k, np.where(k == 0, np.nan, coarse))})
    # The plot spans 112 to 728 in both, from -0.05 below to 1.02 above; at 0.15 the one is high, the other low.
    at = round(112 + 616 * 0.15 / 0.25)
    for index, curve in enumerate((fine, coarse)):
        value = 1.02 - (rows_of(image, index, at - 1, at + 2).mean() - 112) / 616 * 1.07
        assert abs(value - np.interp(0.15, k, curve)) < 0.03


def test_points_and_lines_of_each_set_are_drawn():
    numbers = np.array([1000.0, 2000, 4000, 8000])
    better, worse = (fit_b_factor(numbers, (0.02 + up + 2 / 150 * np.log(numbers / 1000)) ** -0.5) for up in (0.02, 0))
    image = draw_growth({"better": better, "worse": worse})
    # To the right of the legend.
    assert rows_of(image, 0, 550, 728).mean() < rows_of(image, 1, 550, 728).mean()


def test_a_set_has_its_colour_in_every_plot():
    values = {"b": np.linspace(4, 8, 100)}
    for order, index in (((), 0), (("a", "b"), 1)):
        image = draw_local(values, order=order)
        assert [rows_of(image, one, 112, 728).size > 0 for one in (0, 1)] == [index == 0, index == 1]


def test_frequencies_are_told_in_angstrom_above():
    k = np.linspace(0, 0.25, 60)
    image = np.array(draw_correlations({"a": (k, np.ones(60))}).convert("L"))
    ink = (image[76:104] < 128).any(axis=0)  # between the title and the plot
    # The plot spans 112 to 728; there is no text above 0, and 10 A is above 0.1.
    for frequency in (0.05, 0.1, 0.15, 0.2):
        at = round(112 + 616 * frequency / 0.25)
        assert ink[at - 15 : at + 16].any()
        assert not ink[at + 40 : at + 80].any()
