"""The one training loop."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_drpnet.errors import UserError
from napari_drpnet.io.checkpoints import read_checkpoint, usable, write_checkpoint
from napari_drpnet.settings import TrainSettings
from napari_drpnet.training_loop.batches import Batch, Draw, Tensors, drawn_ahead, random_of
from napari_drpnet.training_loop.parallel import Processes, crew

# What steps change of the states of an optimiser and a schedule.
_MOVING = {
    "last_epoch",
    "_step_count",
    "_last_lr",
    "_get_lr_called_within_step",
    "_is_initial",
    "lr",
    "betas",
    "params",
}
Loss = Callable[[nn.Module, Tensors], torch.Tensor]
Optimise = Callable[[nn.Module, TrainSettings], tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]]


@dataclass(frozen=True)
class Step:
    """Where a training run stands: steps done and in all, mean loss since the last report, F1 where it was measured.

    Before the first step: ``what`` is done, and how many there will be is not known yet (0).
    """

    done: int
    total: int
    loss: float = math.nan
    rate: float = 0.0
    f1: float | None = None
    what: str = ""


@dataclass(frozen=True)
class Watch:
    """What is done at every check of a run.

    Attributes
    ----------
    score
        F1 of the averaged network on validation data; the best weights are kept. None: the last ones are.
    checkpoint
        File that the run can go on from; None: no such file.
    run
        What makes this run itself, a JSON object: only a checkpoint of the same run is gone on from.
    stopped
        Asked after every step; True ends the run there, with a last check.
    """

    score: Callable[[nn.Module], float] | None = None
    checkpoint: Path | None = None
    run: str = "{}"
    stopped: Callable[[], bool] = bool


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained network, in evaluation mode on the CPU, and the checks on its way."""

    network: nn.Module
    checks: list[Step]


def adamw(
    network: nn.Module, settings: TrainSettings
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW with a one-cycle learning rate."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=1e-4)
    # A share that is a whole number of steps for no short run: torch divides by that number less 1.
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.rate, total_steps=max(settings.steps, 2), pct_start=0.0501
    )
    return optimiser, schedule


def adam(
    network: nn.Module, settings: TrainSettings
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Adam at one learning rate."""
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.rate)
    return optimiser, torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)


OPTIMISERS: dict[str, Optimise] = {"adamw": adamw, "adam": adam}


def fit(
    network: nn.Module,
    draw: Draw,
    loss: Loss,
    settings: TrainSettings,
    watch: Watch | None = None,
    report_every: int = 50,
    optimise: Optimise | None = None,
) -> Generator[Step, None, Fitted]:
    """Optimise a network, with a moving average of its weights.

    Every step draws its random numbers from the seed, the process and its own number, so that nothing random needs
    to be remembered for a run to go on to the same weights.

    Parameters
    ----------
    network
        Trained in place.
    draw
        Called in other threads, ahead of the steps.
    loss
        Scalar loss of a network on the tensors of a batch.
    settings
        Optimiser, steps, batch, rate, average, checks, precision, device.
    watch
        Validation and checkpoint.
    report_every
        A `Step` is yielded after so many steps, and at every check, so that a caller can show it or stop.
    optimise
        Another optimiser and schedule, for runs without a checkpoint.

    Raises
    ------
    UserError
        When the loss is no longer a number, or a checkpoint cannot be written or is of another run.
    """
    watch = watch or Watch()
    with crew(settings.device) as team:
        state = _State(network, loss, settings, team, optimise or OPTIMISERS[settings.optimiser])
        first = state.resume(watch)
        last = 0 if state.waited(settings.patience) else settings.steps
        total, count = 0.0, 0
        latest = math.inf if settings.minutes is None else time.monotonic() + 60 * settings.minutes
        for step, batch in drawn_ahead(draw, settings, team, range(first, last + 1)):
            total, count = total + state.learn(step, batch), count + 1
            stopped = watch.stopped() or time.monotonic() > latest
            check = stopped or step % settings.check_every == 0 or step == settings.steps
            if not check and step % report_every:
                continue
            report = Step(step, settings.steps, total / count, state.rate)
            total, count = 0.0, 0
            if check:
                report = state.check(report, watch)
            yield report
            if stopped or state.waited(settings.patience):
                break
        return Fitted(state.result(watch), state.checks)


class _State:
    """A network on its way: everything that a checkpoint holds."""

    def __init__(
        self, network: nn.Module, loss: Loss, settings: TrainSettings, team: Processes, optimise: Optimise
    ) -> None:
        self.team, self.seed, self.clip = team, settings.seed, settings.clip or math.inf
        self.network = network.to(team.device).train()
        self.learner = team.share(_Learner(network, loss))
        self.optimiser, self.schedule = optimise(network, settings)
        self.averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.average), use_buffers=True)
        self.half = half_precision(settings, team.device)
        self.scaler = torch.amp.GradScaler(team.device.type, enabled=self.half is torch.float16)
        self.best: dict[str, torch.Tensor] | None = None
        self.checks: list[Step] = []

    def learn(self, step: int, batch: Batch) -> float:
        """One step of optimisation; its loss."""
        torch.manual_seed(int(random_of(self.seed, self.team.rank, step, 1).integers(2**63)))
        device = self.team.device
        tensors = tuple(part.to(device, non_blocking=True) for part in batch.tensors)
        # All batches have one size, so that it pays to find out which algorithm is quickest; validation has many.
        with torch.backends.cudnn.flags(enabled=True, benchmark=True):
            with torch.autocast(device.type, dtype=self.half, enabled=self.half is not None):
                value = self.learner(*tensors)
            self.optimiser.zero_grad()
            self.scaler.scale(value).backward()
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        found = float(value.detach())
        # The scaler leaves out steps whose gradient is beyond what 16 bits hold.
        if not math.isfinite(found) or not (self.scaler.is_enabled() or math.isfinite(norm)):
            raise UserError(
                f"The loss or its gradient is not a number at step {step}, on a batch from "
                f"{', '.join(dict.fromkeys(batch.origins)) or 'unnamed data'}.",
                "Look at these micrographs and their coordinates, or lower the rate.",
            )
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.schedule.step()
        self.averaged.update_parameters(self.network)
        return found

    @property
    def rate(self) -> float:
        """The learning rate in force."""
        return float(self.schedule.get_last_lr()[0])

    def check(self, report: Step, watch: Watch) -> Step:
        """Validate the averaged network, keep it where it is the best so far, write the checkpoint."""
        if watch.score:
            f1 = self.team.told(watch.score(self._evaluated()) if self.team.leads else 0.0)
            if not self.checks or f1 > max(c.f1 or 0.0 for c in self.checks):
                self.best = copy.deepcopy(self.averaged.module.state_dict())
            report = Step(**asdict(report) | {"f1": f1})
        self.checks.append(report)
        if watch.checkpoint and self.team.leads:
            write_checkpoint(watch.checkpoint, watch.run, self._saved())
        return report

    def waited(self, patience: int) -> bool:
        """Whether the last ``patience`` checks brought no better F1."""
        scores = [c.f1 for c in self.checks if c.f1 is not None]
        return bool(patience and scores and len(scores) - 1 - int(np.argmax(scores)) >= patience)

    def resume(self, watch: Watch) -> int:
        """Take up the checkpoint, where there is one; the number of the next step."""
        saved = read_checkpoint(watch.checkpoint, watch.run) if watch.checkpoint else None
        if watch.checkpoint is None or saved is None:
            return 1
        with usable(watch.checkpoint):
            self.best = saved["best"]
            if self.best is not None:
                self.averaged.module.load_state_dict(self.best)  # that it fits is seen now, not at the end
            fixed = self._fixed()
            for name, part in self._parts().items():
                part.load_state_dict(saved[name])
            self.checks = TypeAdapter(list[Step]).validate_python(saved["checks"])
            if self._fixed() != fixed or not self._coherent():
                raise ValueError("the parts are of other settings, or of different steps")
        return self.checks[-1].done + 1

    def _fixed(self) -> list[dict[str, Any]]:
        """What of the optimiser and the schedule no step changes."""
        states = [self.schedule.state_dict(), *self.optimiser.param_groups]
        return [{name: value for name, value in state.items() if name not in _MOVING} for state in states]

    def _coherent(self) -> bool:
        """Whether what the optimiser knows is of these parameters, and all is at the step of the last check."""
        done, known = self.schedule.last_epoch, self.optimiser.state.items()
        shapes = all(state[name].shape == each.shape for each, state in known for name in ("exp_avg", "exp_avg_sq"))
        steps = all(0 <= float(state["step"]) <= done for _, state in known)
        betas = all(0 <= beta < 1 for group in self.optimiser.param_groups for beta in group["betas"])
        return shapes and steps and betas and self.checks[-1].done == done

    def result(self, watch: Watch) -> nn.Module:
        """The best averaged network, or without validation the last one."""
        if watch.score and self.best is not None:
            self.averaged.module.load_state_dict(self.best)
        return self._evaluated()

    def _evaluated(self) -> nn.Module:
        return copy.deepcopy(self.averaged.module).eval().cpu()

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "averaged": self.averaged,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
            "scaler": self.scaler,
        }

    def _saved(self) -> dict[str, Any]:
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return {**parts, "best": self.best, "checks": [asdict(check) for check in self.checks]}


class _Learner(nn.Module):
    """A network with its loss, as one module that several processes can share."""

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        return self.loss(self.network, tensors)


def half_precision(settings: TrainSettings, device: torch.device) -> torch.dtype | None:
    """The 16-bit type to compute in, None for full precision.

    A CPU without instructions for it is slower in bfloat16; with them (AVX-512 BF16, AMX) a step of the U-Net takes
    half the time.
    """
    if settings.precision == "full" or device.type not in ("cpu", "cuda"):
        return None
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # not in older versions of torch
    quick = any(able.get(name) for name in ("avx512_bf16", "amx_bf16"))
    return torch.bfloat16 if quick or settings.precision == "mixed" else None
