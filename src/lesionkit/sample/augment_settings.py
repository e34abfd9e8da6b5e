"""What may happen to a patch of a CT."""

from pydantic import Field, field_validator, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings


class AugmentSettings(Settings):
    """Each chance is per patch; 0 switches a step off."""

    zoom: tuple[float, float] = (0.85, 1.2)
    """Range of the isotropic magnification, log-uniform."""
    turn: float = Field(1.0, ge=0, le=1)
    """Chance of a random flip and transposition (one of 48 orientations)."""
    flip: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Chance of a flip along z, y and x, each by itself; system 2 has (0, 0.5, 0.5) and no turn (row 2.26)."""
    thick: float = Field(0.35, ge=0, le=1)
    """Chance of thick slices, averaged and interpolated back along z."""
    thick_samples: tuple[int, int] = (2, 5)
    """Thinnest and thickest of them, in samples."""
    offset: float = Field(0.0, ge=0, le=1)
    """Chance of a shift by a part of a sample, so that lesions are seen at every phase of the lattice."""
    kernel: float = Field(0.3, ge=0, le=1)
    """Chance of another reconstruction kernel: in-plane smoothing or sharpening."""
    noise: float = Field(0.5, ge=0, le=1)
    """Chance of added noise with texture."""
    noise_hu: float = Field(40.0, ge=0)
    """Highest standard deviation of that noise."""
    shift_hu: float = Field(25.0, ge=0)
    """Greatest shift of all values."""
    scale: float = Field(0.05, ge=0, lt=1)
    """Greatest relative change of contrast around -850 HU."""

    @field_validator("flip")
    @classmethod
    def _flips_are_chances(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if not 0 <= min(value) <= max(value) <= 1:
            raise ValueError("flip must be three chances from 0 to 1")
        return value

    @model_validator(mode="after")
    def _slices_ascend(self) -> "AugmentSettings":
        if not 1 <= self.thick_samples[0] <= self.thick_samples[1]:
            raise LesionkitError(f"thick_samples must be two ascending counts from 1, got {self.thick_samples}")
        return self


NO_AUGMENTATION = AugmentSettings(zoom=(1.0, 1.0), turn=0, thick=0, offset=0, kernel=0, noise=0, shift_hu=0, scale=0)
"""For validation: patches as they are."""
