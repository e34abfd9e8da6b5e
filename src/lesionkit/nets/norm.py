"""Which normalisation a 2-D network uses: changed after it is built, so that every architecture has the choice."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lesionkit.nets.segmenter_settings import Norm


class ScaleShift(nn.Module):
    """y = scale · x + shift per channel: what a batch norm with fixed statistics computes, but learnable."""

    def __init__(self, batch_norm: nn.BatchNorm2d) -> None:
        super().__init__()
        mean, variance = _statistics(batch_norm)
        weight, bias = _affine(batch_norm)
        scale = weight / (variance + batch_norm.eps).sqrt()
        self.scale = nn.Parameter(scale)
        self.shift = nn.Parameter(bias - mean * scale)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale[:, None, None] + self.shift[:, None, None]


def with_norm(module: nn.Module, norm: Norm) -> nn.Module:
    """The module with every 2-D batch norm replaced in place; activations fused into a norm (timm) stay.

    Groups have at least 4 channels and there are at most 32 of them. "none" starts from what the batch norm's running
    statistics would do, so that pretrained weights still fit.
    """
    if norm == "frozen batch":
        from timm.layers.norm_act import freeze_batch_norm_2d

        freeze: Callable[[nn.Module], nn.Module] = freeze_batch_norm_2d
        return freeze(module)
    if norm == "batch":
        return module
    if isinstance(module, nn.BatchNorm2d):
        return _replaced(module, norm)
    for name, child in module.named_children():
        setattr(module, name, with_norm(child, norm))
    return module


def groups_of(channels: int) -> int:
    """Into how many groups channels are parted: the largest divisor that is at most 32 and channels / 4.

    >>> [groups_of(c) for c in (2, 16, 24, 64, 2048)]
    [1, 4, 6, 16, 32]
    """
    return max(n for n in range(1, 33) if n == 1 or (channels % n == 0 and 4 * n <= channels))


def _replaced(batch_norm: nn.BatchNorm2d, norm: Norm) -> nn.Module:
    new: nn.Module
    if norm == "group":
        new = nn.GroupNorm(groups_of(batch_norm.num_features), batch_norm.num_features, eps=batch_norm.eps)
        weight, bias = _affine(batch_norm)
        with torch.no_grad():
            new.weight.copy_(weight)
            new.bias.copy_(bias)
    else:
        new = ScaleShift(batch_norm)
    # timm's BatchNormAct2d holds what follows it.
    after = [getattr(batch_norm, name) for name in ("drop", "act") if hasattr(batch_norm, name)]
    return nn.Sequential(new, *after) if after else new


def _affine(batch_norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    return batch_norm.weight.detach().clone(), batch_norm.bias.detach().clone()


def _statistics(batch_norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    mean, variance = batch_norm.running_mean, batch_norm.running_var
    if mean is None or variance is None:
        return torch.zeros(batch_norm.num_features), torch.ones(batch_norm.num_features)
    return mean.clone(), variance.clone()
