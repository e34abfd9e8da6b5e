"""How networks for slides are trained, and how their learning rate goes."""

import math
from typing import Literal

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.learn.finetune_settings import FinetuneSettings


class PatchLearnSettings(Settings):
    """How the weights are found."""

    steps: int = Field(2000, ge=1)
    """Optimiser steps."""
    batch: int = Field(64, ge=2)
    """Patches per step; 64 and 128 as published (row 4.17)."""
    optimizer: Literal["adamw", "adam"] = "adamw"
    rate: float = Field(2e-3, gt=0)
    """Peak learning rate; 1e-3 as published."""
    shape: Literal["one cycle", "cosine", "plateau", "constant"] = "one cycle"
    """How the rate goes: up to the peak and down to nearly 0; down from it; times `factor` where the loss no longer
    falls, as published (row 4.16); stays."""
    warm_share: float = Field(0.15, gt=0, lt=1)
    """Of "one cycle": share of the training until the peak."""
    factor: float = Field(0.5, gt=0, lt=1)
    """Of "plateau", as are the next three: what the rate is multiplied with."""
    patience: int = Field(3, ge=0)
    """Epochs without a smaller mean loss before that."""
    lowest: float = Field(5e-5, ge=0)
    """The rate does not fall below."""
    epoch_steps: int = Field(100, ge=1)
    """Steps whose mean loss is looked at."""
    finetune: FinetuneSettings = FinetuneSettings()
    """Of a net whose encoder starts from published weights."""
    weight_decay: float = Field(0.02, ge=0)
    clip_norm: float = Field(5.0, gt=0)
    """Gradients are scaled down to this norm."""
    average: float = Field(0.99, ge=0, lt=1)
    """Decay per step of the moving average of the weights, which is what is kept; 0 keeps the last."""
    keep: Literal["last", "best"] = "last"
    """Which weights are kept: the last, or those with the best figure of all that were validated."""
    map_weight: float = Field(1.0, ge=0)
    """Weight of the cross-entropy of the map, over the pixels whose truth is known."""
    middle_weight: float = Field(0.0, ge=0)
    """Weight of the cross-entropy of the label of the middle; the only one that a positive patch without mask has."""
    middle_px: int = Field(32, ge=1)
    """Side of the middle that labels speak of."""
    middle_pool: Literal["soft maximum", "mean"] = "soft maximum"
    """What a middle with several outputs says: that of `PatchNet.patch_logit`, near the largest; or their mean, from
    which every output learns from the start."""
    border_px: int = Field(0, ge=0)
    """Outputs nearer than this to the edge of a patch have no part in the loss of the map."""
    smoothing: float = Field(0.0, ge=0, lt=0.5)
    """Truth of 0 and 1 becomes this and 1 minus this."""
    mixup: float = Field(0.0, ge=0)
    """Both parameters of the Beta distribution by which pairs of patches are mixed (Zhang 2018); 0 for none."""
    precision: Literal["auto", "bf16-mixed", "32-true", "16-mixed"] = "auto"
    """Arithmetic; auto is bf16 where this machine computes faster in it, measured once, and 32 bits elsewhere."""
    device: str = "auto"
    """auto, cpu, cuda, mps or what Lightning calls an accelerator."""
    devices: int = Field(1, ge=1)
    """How many of them; more than one trains with DDP."""
    workers: int = Field(1, ge=0)
    """Processes that prepare batches."""
    validate_every: int = Field(500, ge=1)
    """Steps between validations and checkpoints."""
    minutes: float | None = Field(None, gt=0)
    """Wall time of all trainings of a run together, shared evenly; each ends when its share is spent, its rate having
    come down by then. The same seed then no longer gives the same."""
    seed: int = 0

    @model_validator(mode="after")
    def _has_a_loss(self) -> "PatchLearnSettings":
        if not (self.map_weight or self.middle_weight):
            raise LesionkitError("a loss needs map_weight or middle_weight above 0, got 0 for both")
        return self

    def rate_at(self, progress: float) -> float:
        """The learning rate after a share of the training; "plateau" starts from it.

        >>> [round(PatchLearnSettings(rate=1, warm_share=0.5).rate_at(p), 2) for p in (0, 0.5, 0.75, 1)]
        [0.04, 1.0, 0.5, 0.0]
        """
        if self.shape in ("plateau", "constant"):
            return self.rate
        start = self.warm_share if self.shape == "one cycle" else 0.0
        if progress < start:
            return self.rate * (0.04 + 0.96 * _bump(1 - progress / start))
        return self.rate * max(_bump((progress - start) / (1 - start)), 1e-4)


def _bump(x: float) -> float:
    """From 1 at 0 to 0 at 1, half a wave."""
    return (1 + math.cos(math.pi * min(max(x, 0.0), 1.0))) / 2
