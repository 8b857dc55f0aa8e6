"""A Qt that loses references to None is found out."""

from __future__ import annotations

import ctypes

from qtpy.QtCore import QObject

from napari_drpnet.widgets.kit.binding import loses_none


def test_a_call_that_takes_none_away_is_found_out() -> None:
    lost = []

    def broken() -> None:
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(None))
        lost.append(1)

    assert loses_none(broken)
    for _ in lost:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
    assert not loses_none(lambda: None)
    assert not loses_none(QObject().parent)
