"""Widths, depths and anchors of the region proposal network."""

from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.nets.nodule_net_settings import Blocks, Maps

Preset: TypeAlias = Literal["tiny", "small", "paper"]


class RpnNetSettings(Settings):
    """How large the network is: a preset, and each of its widths and depths.

    What is not given is the preset's value. The defaults shown are those of "tiny".

    >>> RpnNetSettings(preset="paper").channels
    (32, 64, 64, 64)
    """

    preset: Preset = "tiny"
    """tiny: for a CPU; small: half as wide as published; paper: as published (system 2, section 3.2)."""
    stem: Literal["folded", "pre-block"] = "folded"
    """How the scan enters: 2×2×2 samples folded into channels, so that nothing is computed at full resolution, or two
    convolutions there, as published, which take more time than all the rest."""
    pre: Maps = 24
    """Feature maps at full resolution, of the stem "pre-block"."""
    channels: tuple[Maps, Maps, Maps, Maps] = (16, 32, 64, 64)
    """Feature maps at strides 2, 4, 8 and 16."""
    blocks: tuple[Blocks, Blocks, Blocks, Blocks] = (1, 2, 2, 2)
    """Residual blocks at strides 2, 4, 8 and 16."""
    up_channels: tuple[Maps, Maps] = (64, 64)
    """Feature maps at strides 8 and 4 on the way up."""
    up_blocks: tuple[Blocks, Blocks] = (1, 1)
    hidden: Maps = 64
    """Feature maps of the layer before the last."""
    anchors_mm: tuple[float, ...] = Field((10.0, 30.0, 60.0), max_length=16)
    """Sides of the cubes at every place, in samples of 1 mm (row 2.21)."""
    location: bool = True
    """Tell the network where in the scan each place lies."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share of features dropped before the last two layers; the text of system 2 says 0.1, its code 0.5 (row 2.34)."""

    @field_validator("anchors_mm")
    @classmethod
    def _anchors_ascend(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or value[0] <= 0 or list(value) != sorted(set(value)):
            raise ValueError("anchors_mm must be ascending sides above 0, such as [10, 30, 60]")
        return value

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        preset = values.get("preset", "tiny")
        return {**PRESETS.get(str(preset), {}), **values}

    @model_validator(mode="after")
    def _has_blocks(self) -> "RpnNetSettings":
        if min(*self.blocks, *self.up_blocks) < 1:
            raise LesionkitError(
                f"every stage needs a block at least, got blocks {self.blocks} and up_blocks {self.up_blocks}"
            )
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {},
    "small": {
        "stem": "pre-block",
        "pre": 16,
        "channels": (16, 32, 32, 32),
        "blocks": (2, 2, 3, 3),
        "up_channels": (32, 64),
        "up_blocks": (3, 3),
        "hidden": 32,
    },
    "paper": {
        "stem": "pre-block",
        "pre": 24,
        "channels": (32, 64, 64, 64),
        "blocks": (2, 2, 3, 3),
        "up_channels": (64, 128),
        "up_blocks": (3, 3),
        "hidden": 64,
    },
}
"""What differs from "tiny"."""
