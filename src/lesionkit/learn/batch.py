"""How many patches per step: measured, not guessed."""

import copy
import time
from collections.abc import Callable

import psutil
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from lesionkit.learn.losses import detection_loss
from lesionkit.learn.mask_settings import MaskLearnSettings
from lesionkit.learn.masks import mask_loss
from lesionkit.learn.precision import PrecisionSetting, arithmetic
from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.nodule_net import NoduleNet

SIZES = (2, 4, 8, 16, 32)
Loss = Callable[[nn.Module, int, torch.device], Tensor]
"""(net, size, device) -> the loss of a batch of noise of that size."""
_TYPES = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16, "32-true": None}
_GOOD_ENOUGH = 0.9
_MEMORY_SHARE = 0.6


def choose_batch(net: NoduleNet, patch: int, precision: PrecisionSetting, device: torch.device) -> int:
    """The smallest batch that trains at least 90 % as many patches per second as the best one that fits.

    Sizes 2 to 32 are tried upwards with a real step each; the trial ends where the next size would take more than
    60 % of the free memory. The net's weights are not changed.

    Args:
        patch: side of a patch in samples.
        precision: Lightning's name, or auto.
    """
    return _fastest(net, lambda probe, size, on: _nodule_loss(probe, size, patch, on), precision, device)


def choose_mask_batch(net: MaskNet, patch: int, precision: PrecisionSetting, device: torch.device) -> int:
    """The same for a network that draws, in cubes or squares of `patch` samples."""
    shape = (1, *(patch,) * net.settings.dimensions)

    def loss(probe: nn.Module, size: int, on: torch.device) -> Tensor:
        nothing = torch.zeros(size, *shape, device=on)
        logit = probe(torch.randn(size, *shape, device=on))
        return mask_loss(logit, nothing, nothing.bool(), MaskLearnSettings())["total"]

    return _fastest(net, loss, precision, device)


def choose_cube_batch(net: CubeNet, side: int, precision: PrecisionSetting, device: torch.device) -> int:
    """The same for a classifier of cubes."""

    def loss(probe: nn.Module, size: int, on: torch.device) -> Tensor:
        logit = probe(torch.randn(size, 1, side, side, side, device=on)).float()
        return functional.binary_cross_entropy_with_logits(logit, torch.zeros(size, device=on))

    return _fastest(net, loss, precision, device)


def _fastest(net: nn.Module, loss: Loss, precision: PrecisionSetting, device: torch.device) -> int:
    probe = copy.deepcopy(net).to(device).train()
    dtype = _TYPES[arithmetic(precision, device)]
    each = _bytes_each(probe, loss, device)
    rates: dict[int, float] = {}
    for size in SIZES:
        if rates and each * size > _MEMORY_SHARE * _free_bytes(device):
            break
        try:
            rates[size] = size / _seconds(probe, loss, size, dtype, device)
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            break
    best = max(rates.values())
    return min(size for size, rate in rates.items() if rate >= _GOOD_ENOUGH * best)


def _seconds(net: nn.Module, loss: Loss, size: int, dtype: torch.dtype | None, device: torch.device) -> float:
    """One step of training after one to warm up."""
    took = 0.0
    for _ in range(2):
        start = time.perf_counter()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            total = loss(net, size, device)
        torch.autograd.backward(total)
        net.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        took = time.perf_counter() - start
    return took


def _nodule_loss(net: nn.Module, size: int, patch: int, device: torch.device) -> Tensor:
    cells = patch // NoduleNet.stride
    heat = torch.zeros(size, cells, cells, cells, device=device)
    regression = torch.zeros(size, 4, cells, cells, cells, device=device)
    nowhere = torch.zeros(size, cells, cells, cells, dtype=torch.bool, device=device)
    output = net(torch.randn(size, 1, patch, patch, patch, device=device))
    return detection_loss(output, heat, regression, nowhere, nowhere).total


def _bytes_each(net: nn.Module, loss: Loss, device: torch.device) -> float:
    """What one patch keeps for the backward pass in 32 bits: half of what a batch of two keeps."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        loss(net, 2, device)
    return sum(kept.values()) / 2


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
