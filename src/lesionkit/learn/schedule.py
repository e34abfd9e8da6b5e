"""Trainings in parts: each with its learning rates, its image size, its share of positives and where it starts from."""

from typing import cast

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LambdaLR,
    LRScheduler,
    ReduceLROnPlateau,
)

from lesionkit.learn.finetune import SCALE, set_rates
from lesionkit.learn.schedule_settings import TrainingPart


def make_scheduler(optimizer: Optimizer, part: TrainingPart) -> LRScheduler:
    """Torch's scheduler of a part, to be stepped once per epoch; a plateau's with the validation figure.

    The optimiser's rates are set to the part's, times the scale of each group (`learn.finetune`).
    """
    set_rates(optimizer, part.rate)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    lowest = [part.lowest * group.get(SCALE, 1.0) for group in optimizer.param_groups]
    if part.shape == "plateau":
        return ReduceLROnPlateau(optimizer, "max", part.factor, part.patience, min_lr=lowest)
    # Torch's cosines know one lowest rate: that of the slowest group, so that no group goes up to it.
    if part.shape == "cosine":
        return CosineAnnealingLR(optimizer, part.period, min(lowest))
    if part.shape == "warm restarts":
        return CosineAnnealingWarmRestarts(optimizer, part.period, part.growth, min(lowest))
    return LambdaLR(optimizer, lambda _epoch: 1.0)


def step(scheduler: LRScheduler, figure: float) -> None:
    """One epoch is over; `figure` is what validation gave, higher is better. Only a plateau looks at it."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(figure)
    else:
        scheduler.step()


def rates(optimizer: Optimizer) -> tuple[float, ...]:
    """Learning rates now, one per group of parameters."""
    return tuple(cast(float, group["lr"]) for group in optimizer.param_groups)
