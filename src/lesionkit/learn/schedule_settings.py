"""Trainings in parts: each with its learning rates, its image size, its share of positives and where it starts from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings


class TrainingPart(Settings):
    """One part of a training; an epoch is counted from its start."""

    epochs: int = Field(ge=1)
    """Most epochs of the part."""
    rate: float = Field(gt=0)
    """Learning rate at its start."""
    shape: Literal["constant", "plateau", "cosine", "warm restarts"] = "constant"
    """How the rate goes on: stays; falls where the validation figure no longer rises; swings between `rate` and
    `lowest`; falls to `lowest` and jumps back."""
    lowest: float = Field(0.0, ge=0)
    period: int = Field(8, ge=1)
    """Epochs from the highest rate to the lowest (cosine, warm restarts)."""
    growth: int = Field(1, ge=1)
    """Each period after a warm restart is so many times as long as the one before."""
    factor: float = Field(0.1, gt=0, lt=1)
    """What a plateau multiplies the rate with."""
    patience: int = Field(2, ge=0)
    """Epochs without a better figure before that."""
    stop_after: int | None = Field(None, ge=1)
    """Epochs without a better figure after which the part ends early."""
    side: int = Field(1024, ge=32, multiple_of=32)
    """Pixels per side of the training images."""
    frozen_epochs: int = Field(0, ge=0)
    """Epochs at the start in which the encoder does not learn."""
    start: Literal["last", "best"] = "best"
    """Weights of the part before that this one starts from."""
    keep: int = Field(1, ge=1)
    """How many of the best checkpoints stay."""

    @model_validator(mode="after")
    def _falls(self) -> "TrainingPart":
        if self.lowest >= self.rate:
            raise LesionkitError(f"lowest must be below rate, got {self.lowest:g} and {self.rate:g}")
        return self


_first = TrainingPart(
    epochs=50, rate=1e-4, shape="plateau", lowest=1e-7, factor=0.1, patience=2, stop_after=10, keep=5, side=512
)


_first_later = TrainingPart(epochs=50, rate=1e-5, shape="cosine", period=8, lowest=1e-7, stop_after=12, keep=3)


_second = TrainingPart(epochs=30, rate=5e-4, shape="warm restarts", period=5, lowest=1e-5, start="last")


_third = TrainingPart(epochs=26, rate=1e-4, side=576, keep=3, start="last")


def _tail(*steps: tuple[int, float]) -> tuple[TrainingPart, ...]:
    return tuple(TrainingPart(epochs=epochs, rate=rate, start="last") for epochs, rate in steps)


SCHEDULES: Mapping[str, tuple[TrainingPart, ...]] = MappingProxyType(
    {
        "1st": (
            _first,
            _first_later.model_copy(update={"frozen_epochs": 2}),
            _first_later,
            _first_later.model_copy(update={"epochs": 40}),
        ),
        "2nd classifier": (_second, *_tail((2, 1e-5), (2, 5e-6))),
        "2nd": (_second.model_copy(update={"epochs": 40}), *_tail((2, 1e-5), (2, 5e-6))),
        "3rd": (
            _third,
            _third.model_copy(update={"epochs": 10, "rate": 5e-5}),
            _third.model_copy(update={"epochs": 4, "rate": 1e-5}),
        ),
        "4th": (TrainingPart(epochs=60, rate=7.5e-5, shape="cosine", period=8, lowest=1e-6, side=512, keep=4),),
        "5th": (TrainingPart(epochs=30, rate=3e-4),),
    }
)
"""The trainings of the five best of SIIM-ACR (rows 3.16–3.18, 3.21, 3.33, 3.35, 3.59, 3.60, 3.87, 3.107), as they
published them. Not published: how many epochs the first place froze the encoder (2 here) and how long the fifth trained
(30 here, the length of its consistency ramp)."""
