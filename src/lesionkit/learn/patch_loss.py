"""The loss of a network for slides, on masks where they are known and on labels of the middle, and mixed batches."""

from collections.abc import Mapping
from typing import Literal

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.learn.ranks import Count, count_alone
from lesionkit.nets.patch_net import PatchNet

UNKNOWN = -1.0
"""Mask value of a pixel of which nobody said whether it is tumour."""


def patch_loss(
    net: PatchNet, batch: Mapping[str, Tensor], settings: PatchLearnSettings, counted: Count = count_alone
) -> dict[str, Tensor]:
    """The parts of the loss, each a scalar, and their weighted sum as "total".

    One logit with a sigmoid is what the original's two with a softmax are (row 4.16).

    Args:
        batch: image (b, 3, y, x) 0..1, mask (b, 1, y, x) 0..1 or `UNKNOWN`, label (b,) 0..1.
        counted: how cells are counted, see `learn.ranks`.
    """
    logits = net(batch["image"]).float()
    parts, weights = {}, {"map": settings.map_weight, "middle": settings.middle_weight}
    if settings.map_weight:
        parts["map"] = map_loss(logits, batch["mask"], settings.smoothing, settings.border_px // net.stride, counted)
    if settings.middle_weight:
        label = _smoothed(batch["label"].float(), settings.smoothing)
        parts["middle"] = functional.binary_cross_entropy_with_logits(
            middle_logit(logits, max(1, round(settings.middle_px / net.stride)), settings.middle_pool), label
        )
    return {**parts, "total": torch.stack([weights[name] * part for name, part in parts.items()]).sum()}


def map_loss(
    logits: Tensor, mask: Tensor, smoothing: float = 0.0, border: int = 0, counted: Count = count_alone
) -> Tensor:
    """Mean cross-entropy of the cells whose truth is known, 0 if there is none.

    A cell's truth is the mean of the mask under it; a cell with an unknown pixel is unknown.

    Args:
        logits: (b, 1, y, x) of cells.
        mask: (b, 1, y · stride, x · stride).
        border: cells at each edge that take no part.
        counted: how cells are counted, see `learn.ranks`.
    """
    cells = logits.shape[2:]
    known = functional.interpolate((mask < 0).float(), size=cells, mode="area") == 0
    truth = _smoothed(functional.interpolate(mask.clamp(min=0), size=cells, mode="area"), smoothing)
    inside = (slice(None), slice(None), *(slice(border, n - border) for n in cells))
    per_cell = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (per_cell * known)[inside].sum() / counted(known[inside].sum())


def middle_logit(logits: Tensor, side: int, pool: Literal["soft maximum", "mean"] = "soft maximum") -> Tensor:
    """(b,) soft maximum of the `side` × `side` cells in the middle, as `PatchNet.patch_logit` takes it, or their mean.

    Raises:
        LesionkitError: the middle is larger than the map.
    """
    top, left = ((n - side) // 2 for n in logits.shape[2:])
    if min(top, left) < 0:
        raise LesionkitError(f"a middle of {side} cells must lie in a map of {tuple(logits.shape[2:])}; set middle_px")
    middle = logits[:, 0, top : top + side, left : left + side].flatten(1)
    if pool == "mean":
        return middle.mean(dim=1)
    return torch.logsumexp(middle, dim=1) - torch.tensor(float(side**2)).log()


def mixed(batch: Mapping[str, Tensor], alpha: float, rng: Generator) -> dict[str, Tensor]:
    """Each patch mixed with another of the batch, and their truths alike (Zhang et al. 2018, "mixup").

    Where one of the two masks is unknown, their mixture is.

    Args:
        alpha: both parameters of the Beta distribution of the share.
    """
    share = float(rng.beta(alpha, alpha))
    other = torch.from_numpy(rng.permutation(len(batch["image"])))
    result = {name: share * values + (1 - share) * values[other] for name, values in batch.items()}
    unknown = (batch["mask"] < 0) | (batch["mask"][other] < 0)
    result["mask"] = torch.where(unknown, UNKNOWN, result["mask"])
    return result


def _smoothed(truth: Tensor, smoothing: float) -> Tensor:
    return truth * (1 - 2 * smoothing) + smoothing
