"""Graphics cards: those in the machine, their driver, and what torch makes of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_drpnet.doctor.asking import Told, ask
from napari_drpnet.doctor.findings import Finding, State
from napari_drpnet.doctor.installing import again

_PCI = Path("/sys/bus/pci/devices")
_DRIVER = Path("/proc/driver/nvidia/version")
_NVIDIA, _DISPLAY = "0x10de", "0x03"  # vendor and class of a PCI device
_BUILDS = "https://pytorch.org/get-started/locally"
_GIB = 2**30


def devices() -> Iterator[Finding]:
    """What networks run on, and why not on a graphics card that is there."""
    told = ask("devices")
    if not told.answers:
        yield Finding("torch", f"does not run: {told.reason}", State.MISSING, again("torch"))
        return
    found, cards = told.merged, [one for one in told.answers if "card" in one]
    yield Finding("processor", "1 thread" if found["threads"] == 1 else f"{found['threads']} threads")
    if found.get("mps"):
        yield Finding("mps", "Apple's graphics processor")
    for card in cards:
        yield _card(card)
    if not cards:
        yield no_card(told)


def _card(card: dict[str, Any] | Any) -> Finding:
    name = f"cuda:{card['card']}"
    if card["error"]:
        said = f"{card.get('name', 'a graphics card')} cannot compute: {card['error']}"
        return Finding(name, said, State.MISSING, f"Install a torch for this card and its driver: {_BUILDS}")
    return Finding(name, f"{card['name']}, {card['free'] / _GIB:.0f} of {card['total'] / _GIB:.0f} GB of memory free")


def no_card(told: Told) -> Finding:
    """Why torch uses no graphics card of CUDA, by what it told and by what the system shows."""
    found, there, driver = told.merged, card_there(), driver_version()
    if found["cuda"] or found["hip"]:
        build = f"made for CUDA {found['cuda']}" if found["cuda"] else f"made for ROCm {found['hip']}"
        if driver:
            said = next((line for line in told.error.splitlines() if "driver" in line.lower()), "it finds no card")
            mend = f"Bring the driver up to date, or install a torch for this one: {_BUILDS}"
            return Finding("graphics card", f"torch is {build}; the driver is {driver}: {said}", State.NOTE, mend)
        if there:
            return Finding(
                "graphics card",
                "of NVIDIA, without its driver",
                State.NOTE,
                "Install NVIDIA's driver; in a container, give --nv or --gpus all.",
            )
        return Finding("graphics card", f"none; torch is {build}")
    if there or driver:
        said = "of NVIDIA, but this torch is made without CUDA, so that networks run on the processor"
        return Finding("graphics card", said, State.NOTE, _with_cuda())
    return Finding("graphics card", "none; torch is made for the processor")


def card_there() -> bool:
    """Whether a card of NVIDIA is in the machine, its driver aside. Known on Linux only."""
    for device in _PCI.glob("*"):
        try:
            vendor, kind = ((device / name).read_text().strip() for name in ("vendor", "class"))
        except OSError:
            continue
        if vendor == _NVIDIA and kind.startswith(_DISPLAY):
            return True
    return False


def driver_version() -> str:
    """The version of NVIDIA's driver, or nothing."""
    try:
        words = _DRIVER.read_text().splitlines()[0].split()
    except (OSError, IndexError):
        return ""
    return next((word for word in words if word[0].isdigit() and "." in word), "there")


def _with_cuda() -> str:
    # On Linux what PyPI has is made with CUDA; elsewhere it is not.
    return (
        again("torch").replace(" --no-deps", "") if sys.platform == "linux" else f"Install a torch with CUDA: {_BUILDS}"
    )
