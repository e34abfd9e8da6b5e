"""In which arithmetic a training computes, and where."""

from typing import Literal

import torch

from lesionkit.nets.precision import pick_precision
from lesionkit.nets.weights import pick_device

Arithmetic = Literal["bf16-mixed", "32-true", "16-mixed"]
"""Lightning's names."""
PrecisionSetting = Literal["auto", "bf16-mixed", "32-true", "16-mixed"]


def training_device(name: str) -> torch.device:
    """The device of a training in torch's words.

    Args:
        name: auto, cpu, cuda, mps or what Lightning calls an accelerator.

    >>> training_device("gpu")
    device(type='cuda')
    """
    return pick_device("cuda" if name == "gpu" else name)


def arithmetic(precision: PrecisionSetting, device: torch.device) -> Arithmetic:
    """Lightning's name of the precision; auto takes bf16 where the device computes faster in it.

    >>> arithmetic("auto", torch.device("mps")), arithmetic("bf16-mixed", torch.device("mps"))
    ('32-true', 'bf16-mixed')
    """
    if precision != "auto":
        return precision
    return "bf16-mixed" if pick_precision("auto", device) == "bf16" else "32-true"
