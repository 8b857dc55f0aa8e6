"""What a simulated micrograph is, to the byte; other processes import this, too."""

from __future__ import annotations

import hashlib

from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import simulate_one

SMALL = SimulationSettings(count=3, size=384, diameter_px=(25, 40), views=10)
RICH = SMALL.model_copy(update={"contamination": 0.8, "carbon": 0.5, "negative_stain": 0.3, "noise_free": True})


def digest(index: int) -> str:
    """Of all that is simulated for micrograph number ``index``."""
    made = simulate_one(RICH, index)
    assert made.clean is not None
    arrays = (made.micrograph.image, made.truth.yx, made.rot, made.tilt, made.height, made.mask, made.clean)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
