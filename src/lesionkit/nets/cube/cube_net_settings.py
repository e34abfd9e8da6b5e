"""Which network tells nodules from what looks like them."""

from typing import Literal

from pydantic import Field

from lesionkit.core.settings import Settings


class CubeNetSettings(Settings):
    """A classifier of system 0 (rows 0.35 to 0.46) with its published numbers; those of others do nothing."""

    architecture: Literal["vgg simple", "vgg full", "inception", "resnet", "densenet"] = "vgg simple"
    width: float = Field(1.0, gt=0, le=16)
    """All counts of maps are multiplied by this, down to 4."""
    norm: bool = False
    """VGG: a batch norm after each pooling, as published where it is used."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Share of features dropped before the last layer; the ResNet has none."""
    blocks: int = Field(6, ge=1, le=64)
    """Inception: its mixed blocks; a reduction follows every second but the last."""
    shrink: float = Field(0.333, gt=0, le=1)
    """Inception: maps of its narrow 1 × 1 × 1 convolutions, as a share."""
    separable: bool = True
    """Inception: the branch of 5 along z, then y, then x."""
    bottlenecks: int = Field(16, ge=1, le=24)
    """ResNet: every fourth halves the sides and doubles the maps, the first too."""
    layers: int = Field(5, ge=1, le=64)
    """DenseNet: layers per block, of three blocks."""
    growth: int = Field(8, ge=1, le=256)
    """DenseNet: maps that a layer adds."""
    narrow: bool = False
    """DenseNet-BC: a convolution of 1 to `growth` maps before each of 3; Huang et al. 2017 have four times as many."""
    compression: float = Field(1.0, gt=0, le=1)
    """DenseNet-BC: share of maps that a transition keeps."""
