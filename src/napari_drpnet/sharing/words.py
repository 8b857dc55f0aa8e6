"""What people are told of a shared network: how to prepare an image for it, what it learnt from, how good it is."""

from __future__ import annotations

import re
from importlib.metadata import version

from napari_drpnet.io.pages import read_page
from napari_drpnet.pickers.drpnet import SMOOTHING, SPACING
from napari_drpnet.pickers.grey import FURTHEST, LEVEL
from napari_drpnet.pickers.seen import BLUR, ILLUMINATION
from napari_drpnet.settings import ExportSettings
from napari_drpnet.sharing.score_map import MEANINGS, SharedMap

DEVELOPERS = ("The napari-drpnet developers",)
_CARDS, _LICENCES = "networks.md", "Data and licences"
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:)[^)]*\)")
_GREY = {
    "robust": f"Grey levels: `{LEVEL} asinh((x - m) / (1.4826 d))`, with `m` the median of the whole micrograph and "
    f"`d` the median distance from it; beyond {FURTHEST:g} deviations they are cut off. The format of packages has no "
    "such step: the test image is prepared so, and so must be yours.",
    "percentiles": "Grey levels: the 1st percentile of the whole micrograph becomes -0.5, the 99th 0.5; beyond they "
    "are cut off. A package says this in its preprocessing, which does it. Particles that are far clearer than on "
    "usual micrographs (phase plate, negative stain, no noise) are found only after noise was added to them.",
}
PAPERS = {
    "detector": (
        "Nguyen et al., DRPnet: automated particle picking in cryo-electron micrographs using deep regression, BMC "
        "Bioinformatics 22:55 (2021)",
        "10.1186/s12859-020-03948-x",
    ),
    "segmenter": (
        "Zhang et al., PIXER: an automated particle-selection method based on segmentation using a deep neural "
        "network, BMC Bioinformatics 20:41 (2019)",
        "10.1186/s12859-019-2614-y",
    ),
    "centre detector": (
        "Ouyang et al., CenterPicker: an automated cryo-EM single-particle picking method based on center point "
        "detection, Journal of Cyber Security 4(2) (2022)",
        "10.32604/jcs.2022.028065",
    ),
}


def authors_of(shared: SharedMap, settings: ExportSettings) -> tuple[str, ...]:
    """Who made the network; empty where nobody says it."""
    return settings.authors or (() if shared.own else DEVELOPERS)


def summary(shared: SharedMap) -> str:
    """What the network does, with its scale and its grey levels, in a paragraph."""
    card, s = shared.card, shared.stride
    size = "of the same size" if s == 1 else f"with one pixel for {s} x {s} of the image"
    return (
        f"Finds particles in cryo-EM micrographs: an image in which a particle has {card.diameter:g} pixels across its "
        f"diameter, dark on a brighter background, becomes a map {size}: {MEANINGS[card.role]}. Grey levels: "
        f"{card.grey}, see the documentation."
    )


def model_card(shared: SharedMap, settings: ExportSettings) -> str:
    """All that is known of the network, in Markdown."""
    text, doi = PAPERS[shared.card.role]
    parts = [
        f"# {shared.name}",
        summary(shared),
        f"Exported by napari-drpnet {version('napari-drpnet')}. Licence of the weights: {settings.license}. "
        f"Authors: {', '.join(authors_of(shared, settings)) or 'not said'}. The method: {text}, doi:{doi}.",
        _preparation(shared),
        _the_map(shared),
        "## Validation\n\nPick labelled micrographs with it and count: `napari-drpnet pick` and `napari-drpnet "
        "evaluate` do both. Figures of the package's own networks are below.",
        _training(shared),
    ]
    return "\n\n".join(parts) + "\n"


def _preparation(shared: SharedMap) -> str:
    d = shared.card.diameter
    lines = (
        f"Scale: rescale the micrograph, so that a particle's longest extent has {d:g} pixels.",
        f"Even brightness: take away a Gaussian mean of {ILLUMINATION * d:g} pixels (sigma).",
        f"Smooth with a Gaussian of {BLUR * d:g} pixels (sigma).",
        "Particles dark; invert negative stain.",
        _GREY[shared.card.grey],
        f"Sides: multiples of {_pixels(shared.multiple)}, at least {shared.least}. Any number of images at once.",
        f"Within {shared.reach} pixels of a border of the image the map depends on what is beyond it: let tiles "
        "overlap by that, and reflect the micrograph at its own border.",
    )
    return "## How an image is prepared\n\n" + "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1))


def _pixels(number: int) -> str:
    return f"{number} pixel{'s' * (number > 1)}"


def _the_map(shared: SharedMap) -> str:
    s, d = shared.stride, shared.card.diameter
    centre = f" Pixel `i` of it is centred on pixel `{s} i + {(s - 1) / 2:g}` of the image." if s > 1 else ""
    said = f"## The map\n\nOne channel: {MEANINGS[shared.card.role]}.{centre}"
    if shared.card.role != "detector":
        return said
    *slopes, offset = shared.card.calibration
    formula = f"{slopes[0]:g} logit(h) + {slopes[1]:g} m + {slopes[2]:g} t + {offset:g}"
    return (
        f"{said} Picks are its peaks: smooth it with a Gaussian of {SMOOTHING * d / s:g} map pixels, and take peaks at "
        f"least {SPACING * d / s:g} map pixels from each other. The probability that a peak of height `h` is a "
        f"particle is `expit({formula})`, with `m` and `t` the median and the 95th percentile of the logits of the "
        "whole smoothed map; logits are cut off at -7 and 7."
    )


def _training(shared: SharedMap) -> str:
    page = read_page(_CARDS)
    if shared.own or page is None:
        return _of_its_weights(shared)
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    named = {heading.strip(): text.strip() for heading, _, text in (one.partition("\n") for one in sections)}
    own = next((text for heading, text in named.items() if shared.name in heading.split(", ")), "")
    if not own:
        return _of_its_weights(shared)
    texts = {"Training data and scores": own, _LICENCES: named.get(_LICENCES, "")}
    return _LINK.sub(r"\1", "\n\n".join(f"## {heading}\n\n{text}" for heading, text in texts.items() if text))


def _of_its_weights(shared: SharedMap) -> str:
    card = shared.card
    facts = {
        "network": f"{card.network}{''.join(f', {name} {value}' for name, value in card.options.items())}",
        "role": card.role,
        "training began from": card.start or "nothing",
        "calibration": ", ".join(f"{number:g}" for number in card.calibration),
    }
    said = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return (
        "## Training data and scores\n\nThe weights were trained by a user of napari-drpnet. Their file says:\n\n"
        f"{said}\n\nWhat they learnt from, and how they score, their authors know."
    )
