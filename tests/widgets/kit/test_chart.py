from typing import Any

import pytest

from napari_drpnet.widgets.kit.chart import Chart, Dot

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("values", [[Dot(0, 0.98), Dot(50, 1.0)], [Dot(0, 1.0)], [Dot(0, 0.9, spread=0.3)]])
def test_an_axis_ends_at_the_most_that_a_value_can_be(qtbot: Any, values: list[Dot]) -> None:
    bounded, free = Chart("F1", "step", most=1.0), Chart("loss", "step")
    for chart in (bounded, free):
        qtbot.addWidget(chart)
        chart.show_values(values)
    assert bounded._limits()[1][1] == 1.0
    assert bounded._limits()[1][0] < min(value.y for value in values)
    assert free._limits()[1][1] > 1.0
