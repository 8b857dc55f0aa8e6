"""Signals of psygnal, napari and Qt are connected one by one and disconnected together."""

from napari.components import LayerList
from napari.layers import Points
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_drpnet.widgets.kit.subscriptions import Subscriptions


class Sender:
    told = Signal(str)
    other = Signal(str)


def test_all_end_in_one_call_and_only_those(qtbot):
    sender, layers, timer, heard = Sender(), LayerList(), QTimer(), []
    sender.told.connect(lambda text: heard.append(f"kept {text}"))
    subscriptions = Subscriptions(
        (sender.told, heard.append),
        (layers.events.inserted, lambda _: heard.append("napari")),
    )
    subscriptions.connect(timer.timeout, lambda: heard.append("Qt"))

    def tell():
        heard.clear()
        sender.told.emit("psygnal")
        layers.append(Points())
        timer.timeout.emit()
        return sorted(heard)

    assert tell() == ["Qt", "kept psygnal", "napari", "psygnal"]
    subscriptions.end()
    assert tell() == ["kept psygnal"]


def test_after_the_end_others_can_follow():
    sender, heard = Sender(), []
    subscriptions = Subscriptions((sender.told, heard.append))
    subscriptions.end()
    subscriptions.end()
    subscriptions.connect(sender.other, heard.append)
    sender.told.emit("old")
    sender.other.emit("new")
    assert heard == ["new"]
