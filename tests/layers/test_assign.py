"""Attributes of layers are set where they differ."""

from __future__ import annotations

import numpy as np
from napari.layers import Image

from napari_drpnet.layers.placement import assign


def test_what_differs_is_set_and_the_rest_is_left() -> None:
    layer = Image(np.zeros((4, 4)), scale=(2, 2), metadata={"at": np.zeros(3)})
    told: list[str] = []
    layer.events.scale.connect(lambda: told.append("scale"))
    assign(layer, {"scale": (2.0, 2.0), "metadata": {"at": np.ones(3)}, "name": "b"})
    assert told == []
    assert (layer.name, layer.metadata["at"].tolist()) == ("b", [1, 1, 1])
    assign(layer, {"scale": (3.0, 2.0)})
    assert told == ["scale"]
