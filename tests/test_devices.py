"""Devices by their names: what can be said, what is here, and what is told of one that is not."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from napari_drpnet import devices, load_picker, tiling
from napari_drpnet.errors import UserError
from napari_drpnet.pickers.network import classify, load_network
from napari_drpnet.pickers.protocol.loaded import Turns
from napari_drpnet.settings import PickerSettings, RetrainSettings, validated
from napari_drpnet.steps import drained

ROLES = {"network in tiles": "detector", "network of patches": "classifier"}
CARDS = torch.cuda.device_count() if torch.cuda.is_available() else 0


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:0", "cuda:17", "mps"])
def test_a_device_is_a_name_whether_it_is_here_or_not(name):
    assert validated(PickerSettings, {"diameter": 100, "device": name}).device == name


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1 ", "CPU", "", 1])
@pytest.mark.parametrize("model", [PickerSettings, RetrainSettings])
def test_what_is_no_device_is_refused_by_its_field(model, name):
    with pytest.raises(UserError, match=r"device (can be|must be)"):
        validated(model, {"diameter": 100, "device": name})


def test_all_that_is_offered_can_be_chosen():
    offered = devices.offered()
    assert offered[:2] == ["auto", "cpu"]
    assert len(set(offered)) == len(offered)
    assert {devices.choose(name).type for name in offered} <= {"cpu", "cuda", "mps"}
    assert devices.choose("auto").type == ("cuda" if CARDS else "mps" if "mps" in offered else "cpu")


def test_a_card_that_is_not_here_is_told_of_with_those_that_are():
    with pytest.raises(UserError, match=f"cuda:{CARDS} here") as told:
        devices.choose(f"cuda:{CARDS}")
    assert all(name in told.value.hint for name in devices.offered())


@pytest.mark.skipif(bool(CARDS), reason="there is a GPU")
def test_without_a_card_it_is_said_why():
    reason = "finds no graphics card" if (torch.version.cuda or torch.version.hip) else "made without CUDA"
    with pytest.raises(UserError, match=reason):
        devices.choose("cuda")


def test_whether_it_is_the_processor_is_told_without_torch():
    assert devices.is_processor("cpu")
    assert not devices.is_processor("cuda:0")
    assert devices.is_processor("auto") == (devices.choose("auto").type == "cpu")
    program = (
        "import sys\nfrom napari_drpnet import devices\nprint(devices.is_processor('auto'), 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert said[0] == str(devices.is_processor("auto"))
    assert said == ["True", "False"] or CARDS or sys.platform != "linux"


def test_few_passes_are_on_a_card_at_once_and_any_number_on_the_processor():
    def most(device):
        inside, seen, lock = [], [], threading.Lock()

        def work(_):
            with devices.turn(torch.device(device)):
                with lock:
                    inside.append(1)
                    seen.append(len(inside))
                time.sleep(0.05)
                with lock:
                    inside.pop()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        return max(seen)

    assert most("cuda:7") == 2
    assert most("cpu") == 6


def test_several_cards_are_asked_for_by_their_numbers():
    assert validated(PickerSettings, {"diameter": 100, "device": "cuda:0,2"}).device == "cuda:0,2"
    with pytest.raises(UserError, match=r"device (can be|must be)"):
        validated(RetrainSettings, {"device": "cuda:0,1"})
    with pytest.raises(UserError, match=f"cuda:{CARDS} here"):
        load_picker("drpnet", diameter=100, device=f"cuda:{CARDS},{CARDS + 1}")
    with pytest.raises(UserError, match="uses one card"):
        load_picker("deepcryopicker", diameter=100, device="cuda:0,1")


def test_micrographs_go_to_the_card_with_least_to_do():
    turns = Turns(["one", "two"])
    with turns.next() as a, turns.next() as b, turns.next() as c:
        assert [a, b, c] == ["one", "two", "one"]
        with turns.next() as d:
            assert d == "two"
    with turns.next() as again:
        assert again == "one"


@pytest.mark.parametrize("half", [True, False])
def test_precision_is_what_was_forced_and_then_as_before(half):
    a, cpu, before = torch.rand(8, 8), torch.device("cpu"), torch.backends.cudnn.allow_tf32
    with torch.inference_mode(), devices.forced(half), devices.precision(cpu):
        assert (a @ a).dtype == (torch.float16 if half else torch.float32)
        assert torch.backends.cudnn.allow_tf32 == (half and before)
    with torch.inference_mode(), devices.precision(cpu):
        assert (a @ a).dtype == torch.float32
    assert torch.backends.cudnn.allow_tf32 == before


@pytest.mark.skipif(not CARDS, reason="no GPU")
def test_a_card_computes_in_half_precision():
    a = torch.rand(8, 8, device="cuda")
    with torch.inference_mode(), devices.precision(a.device):
        assert (a @ a).dtype == torch.float16


@pytest.mark.parametrize("kind", ["network in tiles", "network of patches"])
def test_all_networks_compute_as_forced_and_differ_little(kind):
    rng, cpu = np.random.default_rng(0), torch.device("cpu")
    _, network = load_network(ROLES[kind], ROLES[kind], cpu)
    image = rng.normal(0, 0.2, (96, 96)).astype(np.float32)

    def said():
        if kind == "network in tiles":
            return drained(tiling.score_steps(network, image, cpu, 600))
        return classify(network, image[None, :64, :64], cpu)

    with devices.forced(half=True):
        rounded = said()
    assert 0 < np.abs(rounded - said()).max() < 0.02
