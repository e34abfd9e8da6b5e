"""Patches -> the probability that their middle holds tumour; for validation while learning, and to find hard ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from lesionkit.nets.patch_net import PatchNet

Pool = Literal["soft maximum", "mean"]


class Items(Protocol):
    """Patches by number: a mapping with "image", float32 (3, y, x), colours 0..1."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> Mapping[str, Any]: ...


@dataclass(frozen=True, eq=False)
class ColourPatches:
    """Patches in memory as `Items`: uint8 RGB (y, x, 3) each."""

    images: Sequence[NDArray[np.uint8]]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        return {"image": torch.from_numpy(self.images[number].transpose(2, 0, 1).copy()).float() / 255}


def score_patches(
    net: PatchNet,
    patches: Items,
    batch: int = 64,
    middle_px: int = 32,
    orientations: Literal[1, 8] = 1,
    pool: Pool = "soft maximum",
) -> NDArray[np.float32]:
    """(n,) probability 0..1 of each patch, in their order; computed where the weights are, in their precision.

    Args:
        net: in evaluation mode.
        patches: all of one size.
        batch: patches at a time.
        middle_px: side of the middle that is asked about; 32 of 96 is where PatchCamelyon's labels look.
        orientations: 8 takes the mean of what is said, before it becomes a probability, of a square patch turned and
            mirrored in every way.
        pool: of the outputs in the middle, as the net learned it; see `PatchNet.patch_logit`.
    """
    found = [_probability(net, images, middle_px, orientations, pool) for images in _batches(patches, batch)]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)


def _batches(patches: Items, batch: int) -> Iterator[torch.Tensor]:
    for first in range(0, len(patches), batch):
        numbers = range(first, min(first + batch, len(patches)))
        yield torch.stack([patches[number]["image"] for number in numbers])


@torch.inference_mode()
def _probability(
    net: PatchNet, images: torch.Tensor, middle_px: int, orientations: int, pool: Pool
) -> NDArray[np.float32]:
    images = images.to(next(net.parameters()).device)
    turned = [images] if orientations == 1 else _turned(images)
    logits = [
        net.patch_logit(one.contiguous(memory_format=torch.channels_last), middle_px, pool).float() for one in turned
    ]
    return np.asarray(torch.sigmoid(torch.stack(logits).mean(dim=0)).cpu().numpy(), dtype=np.float32)


def _turned(images: torch.Tensor) -> list[torch.Tensor]:
    """The eight orientations of squares (b, 3, side, side)."""
    both = (images, images.transpose(2, 3))
    return [one.flip(axes) for one in both for axes in ([], [2], [3], [2, 3])]
