"""`lesionkit.yaml`: a few lines beside a TorchScript or ONNX model that say how it is shown images and what it says."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, field_validator, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.core.untrusted import parse_yaml, reads, told

DESCRIPTION = "lesionkit.yaml"
FORMATS = {".ts": "TorchScript", ".pt": "TorchScript", ".pth": "TorchScript", ".onnx": "ONNX"}


class IntensitySettings(Settings):
    """How values enter the network."""

    range: tuple[float, float]
    """The values that become those of `to`: HU in CT, 0 to 255 on slides. What lies beyond is cut off."""
    to: tuple[float, float] = (0.0, 1.0)

    @model_validator(mode="after")
    def _rises(self) -> "IntensitySettings":
        if not self.range[0] < self.range[1]:
            raise ValueError(f"range must rise, got {self.range}")
        return self


class DescribedSettings(Settings):
    """A model of one file that maps an image to a map of logits or probabilities, or to boxes."""

    kind: Literal["ct-nodule", "slide-metastasis"]
    """For which images, as the recipes are called."""
    file: str
    """TorchScript (.ts, .pt) or ONNX (.onnx), beside this file."""
    spacing: float | tuple[float, float, float]
    """CT: mm along all axes, or along (z, y, x). Slides: µm per pixel."""
    intensity: IntensitySettings
    output: Literal["logits", "probabilities", "boxes"]
    """A map of the input, at a stride that is measured; or, in CT, boxes (n, 6) from corner to corner in samples, in
    the order of `axes`, and their scores (n,)."""
    axes: Literal["zyx", "xyz"] = "zyx"
    """CT: order of the axes of input and output, after batch and channel."""
    orientation: Literal["LPS", "RAS"] = "LPS"
    """CT: where indices of x and y grow to: the patient's left and back, or right and front. z grows to the head."""
    window: tuple[int, int, int] | None = None
    """CT: the only input that the model takes, (z, y, x); null: any sides that are multiples of `multiple`."""
    multiple: int = Field(default=32, ge=1, le=4096)
    """Sides of inputs are multiples of this."""
    halo: int = Field(default=16, ge=0, le=4096)
    """Samples of context on each side of a window that are computed and not believed."""
    threshold: float = Field(default=0.1, ge=0, le=1)
    """CT: lowest score of a candidate."""
    name: str = ""
    licence: str = ""
    learned_from: str = ""
    """In words, for its card."""

    @field_validator("file")
    @classmethod
    def _is_beside(cls, name: str) -> str:
        if Path(name).name != name or Path(name).suffix not in FORMATS:
            raise ValueError(f"file must name a file beside {DESCRIPTION} that ends in {', '.join(FORMATS)}")
        return name

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "DescribedSettings":
        spacing = (self.spacing,) if isinstance(self.spacing, float) else self.spacing
        if min(spacing) <= 0:
            raise ValueError(f"spacing must be positive, got {self.spacing}")
        if self.kind == "slide-metastasis" and (len(spacing) > 1 or self.output == "boxes"):
            raise ValueError("a model for slides has one spacing in µm per pixel, and a map as output")
        if self.window and any(side <= 2 * self.halo for side in self.window):
            raise ValueError(f"window must be larger than twice the halo of {self.halo}, got {self.window}")
        return self


@reads("a description of a model")
def read_description(path: Path) -> DescribedSettings:
    """What a `lesionkit.yaml` says.

    Raises:
        LesionkitError: it is missing, no YAML, or a value does not fit; names it.
    """
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))[0]
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise LesionkitError(
            f"{path} must describe a model in YAML, but cannot be read ({told(error)}); write it again"
        ) from error
    if not isinstance(values, dict):
        raise LesionkitError(f"{path} must hold kind, file, spacing, intensity and output, got {type(values).__name__}")
    try:
        return DescribedSettings.parse(values)
    except LesionkitError as error:
        raise LesionkitError(f"{path}: {error}") from error
