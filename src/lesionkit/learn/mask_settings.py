"""How the network that draws lesions is trained."""

from pydantic import Field

from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.segmentation_loss_settings import DiceSettings

SMOOTH_ONE = DiceSettings(eps_above=1.0, eps_below=1.0)
"""1 − (2 Σpt + 1) / (Σp + Σt + 1) of a whole batch (systems 0 and 1, rows 0.22 and 1.9)."""


class MaskLearnSettings(LearnSettings):
    """How its weights are found; the systems have Adam at 3e-5 (3-D) and 1e-5 (2-D), and the loss of Dice alone."""

    steps: int = Field(1500, ge=1)
    dice: DiceSettings = SMOOTH_ONE
    cross_entropy: float = Field(0.0, ge=0)
    """Weight of the mean cross-entropy over samples beside the Dice loss."""
