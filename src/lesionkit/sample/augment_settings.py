"""What may happen to a patch of a CT."""

from pydantic import Field

from lesionkit.core.settings import Settings


class AugmentSettings(Settings):
    """Each chance is per patch; 0 switches a step off."""

    zoom: tuple[float, float] = (0.85, 1.2)
    """Range of the isotropic magnification, log-uniform."""
    turn: float = Field(1.0, ge=0, le=1)
    """Chance of a random flip and transposition (one of 48 orientations)."""
    thick: float = Field(0.35, ge=0, le=1)
    """Chance of slices of 2 to 5 samples, averaged and interpolated back along z."""
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


NO_AUGMENTATION = AugmentSettings(zoom=(1.0, 1.0), turn=0, thick=0, kernel=0, noise=0, shift_hu=0, scale=0)
"""For validation: patches as they are."""
