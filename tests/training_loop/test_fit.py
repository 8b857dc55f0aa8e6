"""The training loop: runs that go on to the same bytes, stop in time, and say what went wrong where."""

import errno
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from napari_drpnet.errors import UserError
from napari_drpnet.io.checkpoints import checkpoint_path, read_checkpoint, write_checkpoint
from napari_drpnet.settings import TrainSettings
from napari_drpnet.steps import drained
from napari_drpnet.training_loop.batches import Batch
from napari_drpnet.training_loop.fit import Watch, fit


def _settings(**changes):
    fields = {"steps": 12, "check_every": 4, "batch": 4, "device": "cpu", "workers": 0, "rate": 0.01}
    return TrainSettings(training=[{"micrographs": "unused"}], **fields | changes)


def _network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 1, 3))


def _draw(n, step, rng):
    image = torch.from_numpy(rng.standard_normal((n, 1, 8, 8), np.float32))
    return Batch((image, image[:, :, 2:-2, 2:-2]), (f"micrograph {step}",))


def _loss(network, batch):
    image, target = batch
    return (network(image) - target).square().mean()


def _weights(network):
    return b"".join(value.numpy().tobytes() for value in network.state_dict().values())


def _run(settings, watch=None, draw=_draw, loss=_loss, stop_after=None):
    """The fitted network, or None where the run was killed after so many reports."""
    steps = fit(_network(), draw, loss, settings, watch)
    if stop_after is None:
        return drained(steps)
    list(itertools.islice(steps, stop_after))
    steps.close()
    return None


def test_graphics_cards_keep_their_quick_convolutions():
    """Which algorithm is quickest is found out for batches alone; validation has images of many sizes."""
    seen = []

    def loss(network, batch):
        seen.append((torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark))
        return _loss(network, batch)

    before = torch.backends.cudnn.benchmark
    assert _run(_settings(), loss=loss) is not None
    assert set(seen) == {(True, True)}
    assert (torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark) == (True, before)


def test_a_run_ends_when_its_minutes_are_over_with_what_it_learnt():
    def slowly(n, step, rng):
        time.sleep(0.05)
        return _draw(n, step, rng)

    fitted = _run(_settings(steps=1000, check_every=1000, minutes=0.3 / 60), draw=slowly)
    assert 2 <= fitted.checks[-1].done < 20
    assert _weights(fitted.network) != _weights(_network())


@pytest.mark.parametrize(("killed_after", "optimiser"), [(1, "adamw"), (2, "adamw"), (2, "adam")])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, killed_after, optimiser):
    settings = _settings(optimiser=optimiser)
    whole = _run(settings, Watch(checkpoint=tmp_path / "whole"))
    watch = Watch(checkpoint=tmp_path / "killed")
    _run(settings, watch, stop_after=killed_after)
    resumed = _run(settings, watch)
    assert _weights(resumed.network) == _weights(whole.network)
    assert resumed.checks == whole.checks
    assert [check.done for check in whole.checks] == [4, 8, 12]


def test_neither_helpers_nor_a_report_change_a_number():
    plain, helped = _run(_settings()), _run(_settings(workers=3))
    assert _weights(plain.network) == _weights(helped.network)
    assert _weights(_run(_settings(seed=1)).network) != _weights(plain.network)


def test_the_best_validated_weights_are_kept_also_over_a_kill(tmp_path):
    def scored():
        values = iter([0.2, 0.9, 0.5])
        seen = []

        def score(network):
            seen.append(_weights(network))
            return next(values)

        return score, seen

    score, seen = scored()
    fitted = _run(_settings(), Watch(score))
    assert [check.f1 for check in fitted.checks] == [0.2, 0.9, 0.5]
    assert _weights(fitted.network) == seen[1] != seen[2]
    score, _ = scored()
    watch = Watch(score, tmp_path / "killed")
    _run(_settings(), watch, stop_after=2)
    assert _weights(_run(_settings(), watch).network) == seen[1]


def test_training_stops_when_validation_gets_no_better(tmp_path):
    values = iter([0.5, 0.4, 0.3, 0.2])
    watch = Watch(lambda _: next(values), tmp_path / "c")
    fitted = _run(_settings(steps=40, patience=2), watch)
    assert [check.done for check in fitted.checks] == [4, 8, 12]
    assert _run(_settings(steps=40, patience=2), watch).checks == fitted.checks


def test_a_loss_that_is_no_number_is_said_with_its_step_and_micrographs():
    def draw(n, step, rng):
        image = torch.full((n, 1, 8, 8), np.nan) if step == 7 else torch.zeros(n, 1, 8, 8)
        return Batch((image, image[:, :, 2:-2, 2:-2]), ("a.mrc", f"{step}.mrc", "a.mrc"))

    with pytest.raises(UserError, match=r"step 7, on a batch from a\.mrc, 7\.mrc\."):
        _run(_settings(), draw=draw)


def test_bfloat16_learns_the_same_thing():
    full, mixed = (_run(_settings(steps=24, check_every=24, precision=p)) for p in ("full", "mixed"))
    losses = [fitted.checks[-1].loss for fitted in (full, mixed)]
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
    assert all(value.dtype in (torch.float32, torch.int64) for value in mixed.network.state_dict().values())


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(tmp_path):
    path = tmp_path / "c"
    write_checkpoint(path, json.dumps({"network": "unet", "rate": 1, "seed": 0}), {})
    with pytest.raises(UserError, match=r"another run \(network, rate differ\)"):
        read_checkpoint(path, json.dumps({"network": "fcrn", "rate": 2, "seed": 0}))


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut short"])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "c"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a readable checkpoint"):
        read_checkpoint(path, "{}")


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    path = tmp_path / "c"
    torch.save({"version": 0, "run": "{}"}, path)
    with pytest.raises(UserError, match="another version"):
        read_checkpoint(path, "{}")


@pytest.mark.parametrize(
    "changes",
    [
        {"run": None},
        {"run": 3},
        {"run": "[" * 100_000},
        {"run": "{"},
        {"run": "[1]"},
        {"network": None},
        {"network": {}},
        {"averaged": {"n_averaged": 3}},
        {"best": 3},
        {"best": {}},
        {"optimiser": {"state": 1, "param_groups": []}},
        {"schedule": 3},
        {"checks": []},
        {"checks": None},
        {"checks": [{"done": "x"}]},
        {"checks": [{"done": 4, "total": 12, "loss": 0.1}]},
        *({name: KeyError} for name in ("run", "network", "averaged", "optimiser", "best", "checks")),
    ],
)
def test_a_checkpoint_with_fields_that_cannot_be_is_refused(tmp_path, changes):
    watch = Watch(checkpoint=tmp_path / "c")
    _run(_settings(), watch, stop_after=2)
    saved = torch.load(watch.checkpoint, weights_only=True) | changes
    torch.save({name: value for name, value in saved.items() if value is not KeyError}, watch.checkpoint)
    with pytest.raises(UserError, match=r"c: not a readable checkpoint\. Remove it to train from the beginning\."):
        _run(_settings(), watch)


def test_a_full_disk_leaves_the_last_checkpoint_and_says_so(tmp_path, monkeypatch):
    path = checkpoint_path(tmp_path / "d.safetensors")
    watch = Watch(checkpoint=path)
    _run(_settings(), watch, stop_after=1)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_bytes", full)
        with pytest.raises(UserError, match=r"the disk is full; the last one stays.*goes on"):
            _run(_settings(), watch)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert _weights(_run(_settings(), watch).network) == _weights(_run(_settings()).network)


_SCRIPT = """
import os, sys, torch
sys.path.insert(0, {tests!r})
from test_fit import _network, _draw, _loss, _settings, Watch, drained, fit
from pathlib import Path
folder, rank = Path({folder!r}), os.environ["RANK"]
watch = Watch(lambda network: 0.5, folder / "c")
fitted = drained(fit(_network(), _draw, _loss, _settings(), watch))
torch.save(fitted.network.state_dict(), folder / f"rank{{rank}}.pt")
(folder / f"losses{{rank}}.txt").write_text(str([check.loss for check in fitted.checks]))
"""


@pytest.mark.slow
def test_two_processes_agree_on_one_network(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    # Batch norm's running statistics are each process's own; the leading one's are kept.
    assert all(torch.equal(first[key], second[key]) for key in first if "running" not in key)
    # Each has drawn its own batches, and the gradients of both went into the weights.
    assert (tmp_path / "losses0.txt").read_text() != (tmp_path / "losses1.txt").read_text()
    alone = _run(_settings()).network.state_dict()
    assert not torch.equal(first["0.weight"], alone["0.weight"])
