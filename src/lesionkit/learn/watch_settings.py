"""How often a network is looked at while it learns, and on what."""

from pydantic import Field, field_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings


class WatchSettings(Settings):
    """A look at the network that would be kept: on the same pieces of validation cases each time, never augmented."""

    every: int = Field(100, ge=0)
    """Steps between looks; the last step is looked at too; 0 for no looks."""
    patches: int = Field(8, ge=1)
    """Patches that a network which draws is looked at on; three in four hold a lesion."""
    cubes: int = Field(64, ge=2)
    """Cubes that a classifier is looked at on."""
    pictures: int = Field(4, ge=0)
    """So many of the patches are shown, to TensorBoard and on the page."""
    thresholds: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    """Probabilities from which a sample counts as drawn (system 0, row 0.31)."""
    seed: int = 0
    """Which patches and cubes."""

    @field_validator("thresholds")
    @classmethod
    def _are_probabilities(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < value < 1 for value in values):
            raise LesionkitError(f"thresholds must lie between 0 and 1, got {', '.join(map(str, values))}")
        return values
