"""What the package needs of other packages, by its own metadata: whether it is there, new enough, and can be loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version

from napari_drpnet.doctor.asking import ask
from napari_drpnet.doctor.findings import Finding, State
from napari_drpnet.doctor.installing import OURS, again, install

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[[^]]*\])?\s*(?P<versions>[^;]*?)\s*(;\s*(?P<marker>.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
# Loads only beside a Qt; the window's own question asks for it.
_WITH_QT = "qtpy"


@dataclass(frozen=True)
class Requirement:
    """A package that another one asks for: as pip takes it, its name, the least version, and for which extra."""

    text: str
    name: str
    least: str
    extra: str


def requirements(of: str = OURS) -> list[Requirement]:
    """What an installed package asks for; that of its extras, too."""
    found = []
    for line in requires(of) or ():
        match = _REQUIREMENT.fullmatch(line)
        if match:
            extra = _EXTRA.search(match["marker"] or "")
            least = re.search(r">=\s*([\w.]+)", match["versions"])
            text = line.partition(";")[0].strip()
            found.append(Requirement(text, match["name"], least[1] if least else "", extra[1] if extra else ""))
    return found


def installed(name: str) -> str:
    """The version of a package that is here, or nothing."""
    try:
        return version(name) or "?"
    except PackageNotFoundError:
        return ""


def needed_packages() -> Iterator[Finding]:
    """What nothing works without."""
    needed = [one for one in requirements() if not one.extra]
    absent = [one for one in needed if not installed(one.name)]
    old = [one for one in needed if one not in absent and _older(installed(one.name), one.least)]
    for one in absent:
        yield Finding(one.name, "not installed", State.MISSING, install([one.text]))
    for one in old:
        said = f"{installed(one.name)} is installed, and {one.least} or later is needed"
        yield Finding(one.name, said, State.MISSING, install([one.text]))
    whole = [one for one in needed if one not in absent]
    broken = _broken([one.name for one in whole])
    for name, fault in broken.items():
        others = [other for other, one in broken.items() if one.by == name != other]
        also = f"; so neither can {', '.join(others)}" if others else ""
        if fault.by == name or fault.by not in broken:
            mend = install([name]) if fault.lacks else again(name)
            yield Finding(name, f"cannot be loaded: {fault.error}{also}", State.MISSING, mend)
    good = [one.name for one in whole if one not in old and one.name not in broken]
    if good:
        yield Finding("packages", ", ".join(f"{name} {installed(name)}" for name in good))
    if "imagecodecs" in good:
        yield _codecs()


def optional_packages() -> Iterator[Finding]:
    """What each extra adds; that of the window is looked at where the window is."""
    asked = requirements()
    for extra in dict.fromkeys(one.extra for one in asked if one.extra not in ("", "all")):
        parts = [one for one in asked if one.extra == extra]
        absent = [one for one in parts if not installed(one.name) or _older(installed(one.name), one.least)]
        if absent:
            said = f"not installed: {', '.join(one.name for one in absent)}"
            yield Finding(extra, said, State.NOTE, install([one.text for one in absent]))
        else:
            yield Finding(extra, ", ".join(f"{one.name} {installed(one.name)}" for one in parts))


def _codecs() -> Finding:
    told = ask("compressions")
    absent = [name for name, works in told.merged.items() if not works]
    if told.status == 0 and not absent:
        return Finding("compressed TIFF", ", ".join(told.merged))
    said = f"these compressions do not work: {', '.join(absent)}" if absent else told.reason
    return Finding("compressed TIFF", said, State.MISSING, again("imagecodecs"))


@dataclass(frozen=True)
class _Fault:
    """Why a package cannot be loaded, in whose code that came out, and whether a package that it needs is not there."""

    error: str
    by: str
    lacks: bool = False


def _broken(names: Sequence[str]) -> dict[str, _Fault]:
    """Of packages those that cannot be loaded, and why."""
    owner = {top: name for top, owners in packages_distributions().items() for name in names if _owns(owners, name)}
    todo = [top for top, name in owner.items() if name != _WITH_QT and not top.startswith("_") and top.isidentifier()]
    broken: dict[str, _Fault] = {}
    while todo:
        told = ask("imports", *todo)
        for answer in (one for one in told.answers if "module" in one):
            todo.remove(answer["module"])
            if answer["error"]:
                by, lacks = owner.get(answer["by"], answer["by"]), answer["lacks"].partition(".")[0]
                lacking = bool(lacks) and owner.get(lacks) != by  # else a part of its own is missing
                broken[owner[answer["module"]]] = _Fault(answer["error"], by, lacking)
        tried = told.answers[-1].get("trying") if told.answers else None
        if tried not in todo:
            break
        todo.remove(tried)
        broken[owner[tried]] = _Fault(told.reason, owner[tried])
    return broken


def _owns(owners: Sequence[str], name: str) -> bool:
    return _plain(name) in map(_plain, owners)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _older(here: str, least: str) -> bool:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", text, maxsplit=1)[0])]

    return bool(least) and numbers(here) < numbers(least)
