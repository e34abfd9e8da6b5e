"""How much a mean teacher is heeded (rows 3.105, 3.106)."""

import math

from pydantic import Field

from lesionkit.core.settings import Settings
from lesionkit.learn.average_settings import AVERAGES, AverageSettings


class TeacherSettings(Settings):
    """How much the student heeds its teacher; the defaults are the fifth place's."""

    average: AverageSettings = AVERAGES["5th"]
    """How the teacher follows the student."""
    batch: int = Field(4, ge=1)
    """Pictures without truth per step."""
    early: float = Field(0.001, ge=0)
    """Weight of the agreement before `first_epoch`."""
    first_epoch: int = Field(5, ge=0)
    peak: float = Field(2.0, gt=0)
    """Its weight from `ramp_epochs` on."""
    ramp_epochs: int = Field(30, ge=1)
    image_weight: float = Field(0.001, ge=0)
    """Of the image head's agreement against that of the masks."""

    def weight(self, epoch: int) -> float:
        """γ of an epoch of the training, from 0: `early`, then peak · exp(−5 (1 − epoch / ramp_epochs)²).

        >>> [round(TeacherSettings().weight(epoch), 3) for epoch in (0, 4, 5, 15, 30, 50)]
        [0.001, 0.001, 0.062, 0.573, 2.0, 2.0]
        """
        if epoch < self.first_epoch:
            return self.early
        return self.peak * math.exp(-5 * (1 - min(epoch / self.ramp_epochs, 1)) ** 2)
