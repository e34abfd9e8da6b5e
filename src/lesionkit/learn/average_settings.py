"""How fast a moving average of weights forgets, and as two winners had it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings


class AverageSettings(Settings):
    """How fast a moving average of weights forgets."""

    decays: tuple[tuple[int, float], ...] = ((0, 0.0), (7, 0.99))
    """(epoch, decay per step) in ascending epochs, the first at 0; a decay of 0 copies the weights."""
    warm: bool = False
    """Decay at most 1 − hurry / (hurry − 1 + step), steps from 1: the average spans a share of the steps so far."""
    hurry: int = Field(1, ge=1)
    """Of `warm`: 1 averages the first steps evenly; 9 about the last ninth of them, which forgets a random start."""
    buffers: Literal["average", "own"] = "average"
    """Batch statistics: averaged like the weights, or left to `refresh_statistics`."""

    @model_validator(mode="after")
    def _decays_ascend(self) -> "AverageSettings":
        epochs = [epoch for epoch, _ in self.decays]
        if not epochs or epochs[0] != 0 or sorted(set(epochs)) != epochs:
            raise LesionkitError(f"decays must start at epoch 0 and ascend, got epochs {epochs}; sort them")
        wrong = [decay for _, decay in self.decays if not 0 <= decay < 1]
        if wrong:
            raise LesionkitError(f"a decay must be at least 0 and below 1, got {wrong[0]}")
        return self

    def decay(self, epoch: int, step: int) -> float:
        """Share of the old average that stays; epochs from 0, steps from 1."""
        now = [decay for first, decay in self.decays if first <= epoch][-1]
        return min(1 - self.hurry / (self.hurry - 1 + step), now) if self.warm else now


AVERAGES: Mapping[str, AverageSettings] = MappingProxyType(
    {
        "3rd": AverageSettings(),
        "5th": AverageSettings(decays=((0, 0.5), (6, 0.9), (11, 0.99), (21, 0.999)), warm=True, buffers="own"),
    }
)
"""Of the third and the fifth place (rows 3.61 and 3.106; the fifth's epochs are "up to 5, 10, 20 and after")."""
