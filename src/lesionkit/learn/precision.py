"""In which arithmetic a training computes, and where."""

from typing import Literal

import torch

from lesionkit.nets.weights import pick_device

Arithmetic = Literal["bf16-mixed", "32-true", "16-mixed"]
"""Lightning's names."""


def training_device(name: str) -> torch.device:
    """The device of a training in torch's words.

    Args:
        name: auto, cpu, cuda, mps or what Lightning calls an accelerator.

    >>> training_device("gpu")
    device(type='cuda')
    """
    return pick_device("cuda" if name == "gpu" else name)


def arithmetic(precision: Literal["auto", "bf16-mixed", "32-true", "16-mixed"], device: torch.device) -> Arithmetic:
    """Lightning's name of the precision; auto computes in bf16 on CPUs and CUDA and in 32 bits elsewhere.

    >>> arithmetic("auto", torch.device("cpu")), arithmetic("auto", torch.device("mps"))
    ('bf16-mixed', '32-true')
    """
    if precision != "auto":
        return precision
    return "bf16-mixed" if device.type in ("cpu", "cuda") else "32-true"
