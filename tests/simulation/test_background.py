"""Particles on the background of real images."""

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from napari_drpnet.data import ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import background, simulate_one
from napari_drpnet.simulation.left_out import read_without

PLAIN = {"carbon": 0, "contamination": 0, "defects": 0, "processed": 0, "empty": 0, "aggregates": 0, "broken": (0, 0)}
SIZE = 256


def noisy(size: int = 300, correlated: float = 0.0) -> ImageArray:
    """Noise about 120 with a deviation of 12."""
    noise = np.random.default_rng(5).standard_normal((size, size))
    noise = ndimage.gaussian_filter(noise, correlated) if correlated else noise
    return (120 + 12 * noise / noise.std()).astype(np.float32)


def written(image: ImageArray, path: Path) -> Path:
    iio.imwrite(path, np.clip(np.rint(image), 0, 255).astype(np.uint8))
    return path


def on(path: Path, **more: object) -> SimulationSettings:
    fields = {**PLAIN, "size": SIZE, "diameter_px": (30, 30), "views": 10, "background_px": (25, 35), **more}
    return SimulationSettings.model_validate({"backgrounds": (path,), **fields})


def test_an_empty_micrograph_is_a_piece_of_the_background(tmp_path: Path) -> None:
    path = written(noisy(), tmp_path / "a.png")
    made = simulate_one(on(path, empty=1, background_px=(30, 30)), 0)
    assert len(made.truth) == 0
    whole = iio.imread(path).astype(np.float32)
    turned = [turn for k in range(4) for turn in (np.rot90(whole, k), np.rot90(whole, k)[::-1])]
    corner = made.micrograph.image[:8, :8]
    views = (np.lib.stride_tricks.sliding_window_view(one, (8, 8)) for one in turned)
    assert any((abs(view - corner).max(axis=(2, 3)) < 1e-3).any() for view in views)


def test_particles_are_as_strong_against_the_noise_as_asked_for(tmp_path: Path) -> None:
    path = written(noisy(), tmp_path / "a.png")
    once, twice, four = (simulate_one(on(path, visibility=(v, v)), 1).micrograph.image for v in (5, 10, 20))
    signal = (twice - once) / 5  # of a signal-to-noise ratio of 1
    np.testing.assert_allclose((four - twice) / 10, signal, atol=1e-3)
    assert (once - 5 * signal).std() == pytest.approx(12, rel=0.15)
    found = len(simulate_one(on(path), 1).truth)
    f = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.fftfreq(SIZE))
    power = np.abs(np.fft.fft2(signal)[f < 2 / 30]) ** 2 / SIZE**2 / 12**2
    assert np.sqrt(power.sum() / found) == pytest.approx(1, rel=0.35)  # some reach beyond the border


def test_noise_power_is_that_of_white_noise_whatever_dirt_there_is() -> None:
    image = noisy(512)
    image[100:140, 50:90] -= 200
    power, frequency = background.noise_power(image, 30)
    assert frequency[1] == pytest.approx(1 / 120)
    np.testing.assert_allclose(power[3:].mean(), 144, rtol=0.1)


def test_an_enlarged_background_is_not_blurred(tmp_path: Path) -> None:
    path = written(noisy(), tmp_path / "a.png")
    image = simulate_one(on(path, empty=1, background_px=(18, 18)), 0).micrograph.image
    assert image.std() == pytest.approx(12, rel=0.1)
    rows = image.std(axis=1)
    assert rows.std() < 0.12 * rows.mean()


def test_no_particle_lies_on_dirt(tmp_path: Path) -> None:
    image = noisy()
    image[:120] -= 90
    made = [simulate_one(on(written(image, tmp_path / "a.png"), coverage=(0.5, 0.5)), index) for index in range(3)]
    for one in made:
        hidden = one.mask == 2
        y, x = np.rint(one.truth.yx).astype(int).clip(0, SIZE - 1).T
        assert not hidden[y, x].any()
    assert any((one.mask == 2).any() for one in made)


def test_what_a_mask_covers_is_filled_with_the_same_noise(tmp_path: Path) -> None:
    image, clean = noisy(correlated=1.5), noisy(correlated=1.5)
    y, x = np.indices(image.shape)
    disc = np.hypot(y - 150, x - 120) < 40
    image[disc] = 30
    path = written(image, tmp_path / "a.png")
    written(255.0 * disc, tmp_path / "a_mask.png")
    filled = read_without(path)
    assert filled[disc].mean() == pytest.approx(clean.mean(), abs=4)
    assert filled[disc].std() == pytest.approx(12, rel=0.25)
    assert np.diff(filled, axis=1)[disc[:, 1:]].std() == pytest.approx(np.diff(clean, axis=1).std(), rel=0.15)
    far = np.hypot(y - 150, x - 120) > 60
    np.testing.assert_allclose(filled[far], np.rint(clean)[far], atol=1e-3)


def test_listed_particles_and_unlisted_ones_like_them_are_left_out(tmp_path: Path) -> None:
    image = noisy()
    y, x = np.indices(image.shape)
    places = [(100, 100), (180, 90), (150, 200), (60, 210)]
    for cy, cx in places:
        image[np.hypot(y - cy, x - cx) < 10] -= 25
    path = written(image, tmp_path / "a.png")
    (tmp_path / "a.csv").write_text("x,y,diameter\n" + "".join(f"{cx},{cy},24\n" for cy, cx in places[:3]))
    filled = read_without(path)
    assert filled.shape == (252, 252)  # one diameter less on each side
    for cy, cx in places:
        assert filled[cy - 32 : cy - 16, cx - 32 : cx - 16].mean() == pytest.approx(120, abs=4)


def test_the_same_seed_gives_the_same_bytes_on_backgrounds(tmp_path: Path) -> None:
    path = written(noisy(), tmp_path / "a.png")
    settings = on(path, processed=1, defects=1, contamination=1, transplanted=0.5)
    for index in range(3):
        one, other = simulate_one(settings, index), simulate_one(settings, index)
        assert one.micrograph.image.tobytes() == other.micrograph.image.tobytes()


def _small_mask(folder: Path) -> None:
    written(np.ones((20, 20), np.float32), folder / "a_mask.png")


def _no_diameters(folder: Path) -> None:
    (folder / "a.csv").write_text("x,y\n100,100\n")


def _all_hidden(folder: Path) -> None:
    written(np.full((300, 300), 255.0, np.float32), folder / "a_mask.png")


def _one_grey(folder: Path) -> None:
    written(np.full((300, 300), 99.0, np.float32), folder / "a.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_small_mask, r"a_mask.png: the mask has 20 by 20 pixels, its image 300 by 300"),
        (_no_diameters, r"a.csv: the diameters .* not told"),
        (_all_hidden, r"a.png: too little of it is background"),
        (_one_grey, r"a.png: all pixels are the same"),
    ],
)
def test_a_background_that_is_none_is_named(tmp_path: Path, spoil: object, message: str) -> None:
    path = written(noisy(), tmp_path / "a.png")
    assert callable(spoil)
    spoil(tmp_path)
    with pytest.raises(UserError, match=message):
        simulate_one(on(path), 0)


def test_missing_files_masks_alone_and_tiny_particles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.png"):
        simulate_one(on(tmp_path / "absent.png"), 0)
    with pytest.raises(UserError, match="only masks"):
        simulate_one(on(tmp_path / "a_mask.png"), 0)
    with pytest.raises(ValidationError, match="background_px"):
        on(tmp_path / "a.png", background_px=(1, 5))
