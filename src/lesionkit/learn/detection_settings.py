"""How the nodule detector is trained."""

import math
from typing import Literal

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings


class LearnSettings(Settings):
    """How the weights are found."""

    steps: int = Field(2000, ge=1)
    """Optimiser steps."""
    batch: int | Literal["auto"] = 8
    """Patches per step; "auto" measures which size gives the most patches per second in the memory there is."""
    rate: float = Field(2e-3, gt=0)
    """Peak learning rate."""
    shape: Literal["one cycle", "constant"] = "one cycle"
    """How the rate goes: warmed up over the first 5 % of the steps, then cosine to 1 % of the peak; or it stays."""
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    """sgd has a momentum of 0.9."""
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(5.0, gt=0)
    """Gradients are scaled down to this norm."""
    average: float = Field(0.995, ge=0, lt=1)
    """Decay per step of the exponential moving average of the weights, which is what is kept; 0 keeps the last."""
    precision: Literal["auto", "bf16-mixed", "32-true", "16-mixed"] = "auto"
    """Arithmetic; auto is bf16 where this machine computes faster in it, measured once, and 32 bits elsewhere."""
    device: str = "auto"
    """auto, cpu, cuda, mps or what Lightning calls an accelerator."""
    devices: int = Field(1, ge=1)
    """How many of them; more than one trains with DDP."""
    workers: int = Field(1, ge=0)
    """Processes that prepare patches."""
    validate_every: int = Field(500, ge=1)
    """Steps between validations and checkpoints."""
    minutes: float | None = Field(None, gt=0)
    """End after so many minutes, the rate having come down by then; the same seed then no longer gives the same."""
    seed: int = 0

    def rate_at(self, progress: float) -> float:
        """The learning rate after a share of the training; of one cycle from 5 % of the peak up to it, and down to 1 %.

        >>> [round(LearnSettings(rate=1, steps=100).rate_at(p), 3) for p in (0, 0.0405, 0.52, 1)]
        [0.05, 1.0, 0.505, 0.01]
        """
        if self.shape == "constant":
            return self.rate
        # Torch's OneCycleLR over one step more than there are.
        step, warm = progress * self.steps, 0.05 * (self.steps + 1) - 1
        if step < warm:
            return _swung(self.rate / 20, self.rate, step / warm)
        return _swung(self.rate, self.rate / 100, (step - warm) / (self.steps - warm))


class RoundsLearnSettings(LearnSettings):
    """How a network is trained that is validated while it learns, and learns again from what it got wrong."""

    keep: Literal["last", "best"] = "last"
    """Which weights are kept: the last, or those with the best figure of all that were validated."""
    rounds: int = Field(1, ge=1)
    """Trainings of each network: after each but the last, what it got wrong on its training cases is mined, and the
    next goes on from its weights; see `mine`. Minutes are shared among them."""
    first_round: int = Field(1, ge=1)
    """Which of the rounds comes first; above 1 with --from a run that trained the one before, on the same data."""

    @model_validator(mode="after")
    def _the_first_is_one_of_them(self) -> "RoundsLearnSettings":
        if self.first_round > self.rounds:
            raise LesionkitError(
                f"learn.first_round must be one of the rounds 1 to {self.rounds}, got {self.first_round}; raise "
                "learn.rounds"
            )
        return self


def _swung(start: float, end: float, share: float) -> float:
    """From start to end on half a cosine wave."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
