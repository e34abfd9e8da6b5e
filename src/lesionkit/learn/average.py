"""Averages of weights: moving along a training (EMA), over finished checkpoints (SWA), and which checkpoints stay."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from pydantic import Field
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.learn.average_settings import AverageSettings


class MovingAverage:
    """A network whose weights trail those of the one that learns.

    Args:
        net: the one that learns; it is copied.
    """

    def __init__(self, net: nn.Module, settings: AverageSettings) -> None:
        self.settings, self.steps = settings, 0
        self.net = copy.deepcopy(net).requires_grad_(False)

    @torch.no_grad()
    def update(self, net: nn.Module, epoch: int) -> None:
        """Take in the weights after one step of the optimiser; epochs count from 0."""
        self.steps += 1
        pairs: list[tuple[Tensor, Tensor]] = list(zip(self.net.parameters(), net.parameters(), strict=True))
        if self.settings.buffers == "average":
            pairs += list(zip(self.net.buffers(), net.buffers(), strict=True))
        moving = [(old.detach(), new.detach()) for old, new in pairs if old.is_floating_point()]
        make: Callable[[float], Callable[..., None]] = get_ema_multi_avg_fn
        make(self.settings.decay(epoch, self.steps))([old for old, _ in moving], [new for _, new in moving], None)
        for old, new in pairs:
            if not old.is_floating_point():
                old.copy_(new)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs to go on."""
        return {"steps": self.steps, "net": self.net.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.steps = int(state["steps"])
        self.net.load_state_dict(state["net"])


@torch.no_grad()
def refresh_statistics(net: nn.Module, images: Tensor) -> None:
    """Let one batch (b, 1, y, x) move a network's batch statistics, and nothing else (row 3.106)."""
    training = net.training
    net.train()(images)
    net.train(training)


def average_weights(net: nn.Module, states: Iterable[Mapping[str, Tensor]]) -> nn.Module:
    """A copy of the network with the even mean of several state dicts: SWA over checkpoints (row 3.37).

    Its batch statistics are those of the last one; call `estimate_statistics` next.

    Raises:
        LesionkitError: no state is given.
    """
    averaged, worker = AveragedModel(copy.deepcopy(net)), copy.deepcopy(net)
    for state in states:
        worker.load_state_dict(state)
        averaged.update_parameters(worker)
    if not int(averaged.n_averaged):
        raise LesionkitError("at least one checkpoint is needed to average, got none")
    module = averaged.module
    return module.requires_grad_(True)


def estimate_statistics(net: nn.Module, batches: Iterable[Tensor], device: torch.device | None = None) -> None:
    """Batch statistics anew, as the mean over one pass of training images (b, 1, y, x) (Izmailov et al. 2018).

    Unlike the second place's they are reset first, and validation images have no business among the batches.
    """
    update_bn(batches, net, device)


class KeepSettings(Settings):
    """Which checkpoints stay."""

    figure: str = "validation/dice"
    """Name under which the figure is logged; higher is better."""
    count: int = Field(3, ge=1)
    """How many stay; 5, 3 and 4 with the first, third and fourth place (rows 3.16, 3.17, 3.66, 3.87)."""


def keep_best(folder: Path, settings: KeepSettings) -> ModelCheckpoint:
    """Lightning's callback that keeps the best checkpoints, named by epoch and figure, and the last one."""
    return ModelCheckpoint(
        folder,
        filename=f"epoch-{{epoch:03d}}-{{{settings.figure}:.4f}}",
        auto_insert_metric_name=False,
        monitor=settings.figure,
        mode="max",
        save_top_k=settings.count,
        save_last=True,
    )


def best_first(callback: ModelCheckpoint) -> Sequence[Path]:
    """The checkpoints it kept, best first."""
    ranked = sorted(callback.best_k_models.items(), key=lambda item: -float(item[1]))
    return [Path(path) for path, _ in ranked]
