"""Patches -> the probability that their middle holds tumour; for validation while learning, and to find hard ones."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from lesionkit.nets.patch_net import PatchNet


class Items(Protocol):
    """Patches by number: a mapping with "image", float32 (3, y, x), colours 0..1."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> Mapping[str, Any]: ...


def score_patches(net: PatchNet, patches: Items, batch: int = 64, middle_px: int = 32) -> NDArray[np.float32]:
    """(n,) probability 0..1 of each patch, in their order; computed where the weights are, in their precision.

    Args:
        net: in evaluation mode.
        patches: all of one size.
        batch: patches at a time.
        middle_px: side of the middle that is asked about; 32 of 96 is where PatchCamelyon's labels look.
    """
    found = [_probability(net, images, middle_px) for images in _batches(patches, batch)]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)


def _batches(patches: Items, batch: int) -> Iterator[torch.Tensor]:
    for first in range(0, len(patches), batch):
        numbers = range(first, min(first + batch, len(patches)))
        yield torch.stack([patches[number]["image"] for number in numbers])


@torch.inference_mode()
def _probability(net: PatchNet, images: torch.Tensor, middle_px: int) -> NDArray[np.float32]:
    device = next(net.parameters()).device
    logits = net.patch_logit(images.to(device).contiguous(memory_format=torch.channels_last), middle_px)
    return np.asarray(torch.sigmoid(logits.float()).cpu().numpy(), dtype=np.float32)
