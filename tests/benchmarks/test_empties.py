import numpy as np
import pytest

from contenders import Ours
from empties import alone, beside
from measures import Sample
from napari_drpnet import Micrograph, Picks
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import simulate_one


@pytest.mark.slow
def test_an_image_is_picked_at_the_scale_of_what_it_lies_beside() -> None:
    """One that shows the same as the data set, but says another pixel size, is picked as that data set is."""
    settings = SimulationSettings(
        seed=3, size=480, diameter_px=(24, 24), coverage=(0.15, 0.15), contamination=0, carbon=0, empty=0, defects=0
    )
    made = [simulate_one(settings.model_copy(update={"visibility": (25.0, 25.0)}), index) for index in range(2)]
    diameter = float(made[0].truth.diameter[0]) * made[0].micrograph.frame.known_pixel_size()
    others = [Sample(one.micrograph, one.truth, diameter, 0) for one in made[1:]]
    # A particle is a twentieth of the side: 24 px of 480.
    unscaled = Micrograph.from_array(made[0].micrograph.image, 1.0, "unscaled")
    empty = Sample(unscaled, Picks(unscaled.frame, np.empty((0, 2))), 24.0, 0)
    log = Ours("log", {}, picker="log")
    (picked,), (by_itself,) = beside(log, [empty], others), alone(log, [empty])
    for picks in (picked, by_itself):
        apart = np.linalg.norm(made[0].truth.yx[:, None] - picks.yx[None], axis=-1).min(axis=1)
        assert (apart < 8).mean() > 0.7
