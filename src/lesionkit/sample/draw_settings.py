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
    size_limits_mm: tuple[float, ...] = (10.0, 30.0)
    """Diameters that part lesions into groups, ascending."""
    size_weights: tuple[float, ...] = (4.0, 3.0, 1.0)
    """How often lesions below the first of them, between them, and above the last are drawn (system 0, row 0.30)."""
    nodules: Path | None = None
    """Folder of a bank of real nodules (`lesionkit bank`) that are inserted beside synthetic ones."""
    edge_samples: int = Field(8, ge=0)
    """A lesion-centred patch keeps the lesion at least so far from its faces: its centre, or the whole of it."""
    whole: bool = False
    """Keep the whole lesion inside, not its centre alone (system 2, row 2.23); one larger than a patch is not drawn."""
    zoom_by_size: bool = False
    """Magnify patches around lesions by 0.75 to 1.25 instead of `augment.zoom`, but shrink none below 8 samples and
    enlarge none beyond 120 (system 2, row 2.23)."""
    augment: AugmentSettings = AugmentSettings()

    @model_validator(mode="after")
    def _sizes_have_weights(self) -> "SampleSettings":
        limits, weights = self.size_limits_mm, self.size_weights
        if len(weights) != len(limits) + 1 or list(limits) != sorted(set(limits)):
            raise LesionkitError(
                f"size_weights must be one more than the ascending size_limits_mm, got {len(weights)} for {limits}"
            )
        if min(weights) < 0 or max(weights) == 0:
            raise LesionkitError(f"size_weights must be 0 or more, one of them above 0, got {weights}")
        return self

    @model_validator(mode="after")
    def _shares_add_up(self) -> "SampleSettings":
        total = self.lesion_share + self.insert_share + self.hard_share
        if total > 1 + 1e-9:
            raise LesionkitError(f"lesion_share + insert_share + hard_share must be at most 1, got {total:g}")
        return self
