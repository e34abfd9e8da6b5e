"""Losses of a batch that lies on several devices, so that they are what one device would say of it all.

DDP takes the mean of the gradients of all devices. That is the gradient of the whole batch for a mean over images, of
which each device has as many; not for a sum divided by a count that differs from device to device, nor for a fraction
of sums. These are made over all devices here.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, distributed

Count = Callable[[Tensor], Tensor]
"""A count of this device -> what its sum is divided by."""
Gather = Callable[[Tensor], Tensor]
"""Images (b, …) of this device -> those of all devices."""


def count_alone(count: Tensor) -> Tensor:
    """The count itself, at least 1."""
    return count.clamp(min=1)


def count_of_all(count: Tensor) -> Tensor:
    """The mean count of all devices, of which the sum is at least 1; every device must ask at the same time."""
    total = count.detach().float().clone()
    distributed.all_reduce(total)
    return total.clamp(min=1) / distributed.get_world_size()


def images_alone(images: Tensor) -> Tensor:
    """The images themselves."""
    return images


def images_of_all(images: Tensor) -> Tensor:
    """Those of all devices, with gradients; every device must ask at the same time with as many."""
    gathered: Tensor = _Gathered.apply(images.contiguous())
    return gathered


class _Gathered(torch.autograd.Function):
    """Images of all devices; a device's images get the gradients that all devices have for them."""

    @staticmethod
    def forward(_context: Any, images: Tensor) -> Tensor:
        parts = [torch.empty_like(images) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, images)
        return torch.cat(parts)

    @staticmethod
    def backward(_context: Any, *gradients: Any) -> Tensor:
        gradient: Tensor = gradients[0].contiguous()
        distributed.all_reduce(gradient)
        return gradient.chunk(distributed.get_world_size())[distributed.get_rank()]
