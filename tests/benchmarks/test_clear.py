from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

import clear
from contenders import Ours
from measures import Sample
from napari_drpnet.data import Frame, Micrograph, Picks
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import simulate_one
from simulated import kept_for_testing


@pytest.fixture(scope="module")
def sample() -> Sample:
    settings = SimulationSettings(
        seed=3, size=512, diameter_px=(40, 40), coverage=(0.2, 0.2), contamination=0, carbon=0, empty=0, processed=0
    )
    made = simulate_one(settings.model_copy(update={"visibility": (25.0, 25.0)}), 0)
    frame = made.micrograph.frame
    return Sample(made.micrograph, made.truth, float(made.truth.diameter[0]) * frame.known_pixel_size(), 20)


def test_binned_particles_stay_at_their_places() -> None:
    y, x = np.mgrid[:400, :300]
    at = np.array([[101.3, 201.7]])
    spot = np.exp(-((y - at[0, 0]) ** 2 + (x - at[0, 1]) ** 2) / (2 * 12**2))
    micrograph = Micrograph.from_array(spot, 2.0)
    small = clear.binned(Sample(micrograph, Picks(micrograph.frame, at), 100.0, edge=25))
    image = small.micrograph.image
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    centre = [(y * image).sum() / image.sum(), (x * image).sum() / image.sum()]
    np.testing.assert_allclose(small.truth.yx, [centre], atol=0.02)
    assert small.micrograph.frame.micrograph_pixels(small.diameter) == pytest.approx(12)
    assert small.edge == pytest.approx(6)


def test_changes_do_what_they_say(sample: Sample) -> None:
    image, diameter = sample.micrograph.image, 40.0

    def slow(image: np.ndarray) -> float:
        inside = np.s_[100:-100, 100:-100]
        return float(ndimage.gaussian_filter(image, diameter)[inside].std() / image[inside].std())

    uneven = image + np.linspace(0, 20 * image.std(), image.shape[1], dtype=np.float32)
    assert slow(clear.high_passed(uneven, diameter)) < 0.1 * slow(uneven)
    louder = image.copy()
    louder[:256] = 10 * (louder[:256] - image.mean()) + image.mean()
    flat = clear.flattened(louder, diameter)
    assert flat[40:216].std() == pytest.approx(flat[296:472].std(), rel=0.1)
    assert len(np.unique(clear.few_greys(image, diameter))) == 16
    # Blocks of 8 pixels lose their fine detail.
    pressed = clear.jpeg(image, diameter)
    assert pressed.min() >= 0
    assert pressed.max() <= 255
    assert np.corrcoef(pressed.ravel(), image.ravel())[0, 1] < 0.999
    assert clear.denoised(image, diameter).std() < image.std()


def test_the_proteins_are_those_kept_for_testing(tmp_path) -> None:
    for name in ("models/1f2n.cif.gz", "maps/7kfe.mrc.gz", "models/1bxn.cif.gz"):
        (tmp_path / "structures" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "structures" / name).touch()
    assert [file.name for file in kept_for_testing(tmp_path)] == ["1f2n.cif.gz", "7kfe.mrc.gz"]


def test_a_row_is_scored_with_the_options_of_its_kind(sample: Sample) -> None:
    """Bright particles are found where the kind says that they are bright, by a picker of dark ones."""
    micrograph = sample.micrograph
    bright = replace(sample, micrograph=replace(micrograph, image=-micrograph.image))
    log = Ours("log", {}, picker="log")
    told = clear.row(clear.Kind("bright", {}, options={"invert": True}), [bright], log)
    untold = clear.row(clear.Kind("bright", {}), [bright], log)
    assert told["AP"] > untold["AP"] + 0.2
    dark = clear.row(clear.Kind("dark", {}), [sample], log)
    assert told["AP"] == pytest.approx(dark["AP"], abs=1e-4)


def test_what_was_simulated_is_not_simulated_again(tmp_path) -> None:
    kind = clear.Kind("visibility 10", {"visibility": (10.0, 10.0)})
    first = clear.micrographs(kind, (), 1, tmp_path)
    (file,) = (tmp_path / "visibility-10").glob("*.mrc")
    written = file.stat().st_mtime_ns
    assert len(first[0].truth) > 10
    clear.micrographs(kind, (), 1, tmp_path)
    assert file.stat().st_mtime_ns == written
    with pytest.raises(SystemExit, match="other micrographs"):
        clear.micrographs(kind, (), 2, tmp_path)


def test_marked_places_count_once_and_near_picks_all() -> None:
    from measures import on_marked

    frame = Frame("m", (400, 400), 1.0)
    marked = Picks(frame, np.array([[100.0, 100.0], [300.0, 300.0]]), diameter=np.array(20.0))
    found = Picks(frame, np.array([[100.0, 109.9], [95.0, 95.0], [300.0, 310.1], [50.0, 50.0]]))
    micrograph = Micrograph(np.zeros((400, 400), np.float32), frame)
    nobody = Sample(micrograph, found, 20, 0)
    assert on_marked([found], [nobody]) is None
    sample = Sample(micrograph, found, 20, 0, marked)
    assert on_marked([found, found], [sample, nobody]) == (2.0, 0.5)
    assert on_marked([found.select(np.zeros(4, bool))], [sample]) == (0.0, 0.0)
