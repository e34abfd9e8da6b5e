"""How the nodule detector is trained."""

from typing import Literal

from pydantic import Field

from lesionkit.core.settings import Settings


class LearnSettings(Settings):
    """How the weights are found."""

    steps: int = Field(2000, ge=1)
    """Optimiser steps."""
    batch: int | Literal["auto"] = 8
    """Patches per step; "auto" measures which size gives the most patches per second in the memory there is."""
    rate: float = Field(2e-3, gt=0)
    """Peak learning rate of AdamW; warmed up over the first 5 % of the steps, then cosine to 1 % of it."""
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(5.0, gt=0)
    """Gradients are scaled down to this norm."""
    average: float = Field(0.995, ge=0, lt=1)
    """Decay per step of the exponential moving average of the weights, which is what is kept; 0 keeps the last."""
    precision: Literal["bf16-mixed", "32-true", "16-mixed"] = "bf16-mixed"
    """Arithmetic; bf16 is about four times as fast as 32 bits on CPUs that have it."""
    device: str = "auto"
    """auto, cpu, cuda, mps or what Lightning calls an accelerator."""
    devices: int = Field(1, ge=1)
    """How many of them; more than one trains with DDP."""
    workers: int = Field(1, ge=0)
    """Processes that prepare patches."""
    validate_every: int = Field(500, ge=1)
    """Steps between validations and checkpoints."""
    seed: int = 0
