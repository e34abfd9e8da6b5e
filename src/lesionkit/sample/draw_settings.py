"""What a training batch of CT patches is made of."""

from pathlib import Path

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.sample.augment_settings import AugmentSettings


class SampleSettings(Settings):
    """What a training batch is made of."""

    patch: int = Field(64, ge=32, multiple_of=16)
    """Side of a training patch in samples."""
    lesion_share: float = Field(0.4, ge=0, le=1)
    """Share of patches that contain a true lesion, where the set has any."""
    insert_share: float = Field(0.35, ge=0, le=1)
    """Share of patches into which nodules are inserted on the fly, in cases without a lesion where there are any."""
    hard_share: float = Field(0.0, ge=0, le=1)
    """Share of patches around false positives of the model that training starts from; the rest are random places in
    the lungs."""
    healthy_share: float = Field(0.5, ge=0, le=1)
    """Share of the random places that lie in cases without a lesion, where the set has cases with and without."""
    size_weights: tuple[float, float, float] = (4.0, 3.0, 1.0)
    """How often lesions below 10 mm, of 10 to 30 mm, and above are drawn (system 0, row 0.30)."""
    nodules: Path | None = None
    """Folder of a bank of real nodules (`lesionkit bank`) that are inserted beside synthetic ones."""
    edge_samples: int = Field(8, ge=0)
    """A lesion-centred patch keeps the lesion's centre at least so far from its faces."""
    augment: AugmentSettings = AugmentSettings()

    @model_validator(mode="after")
    def _shares_add_up(self) -> "SampleSettings":
        total = self.lesion_share + self.insert_share + self.hard_share
        if total > 1 + 1e-9:
            raise LesionkitError(f"lesion_share + insert_share + hard_share must be at most 1, got {total:g}")
        return self
