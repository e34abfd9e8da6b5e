"""How many patches per step: measured, not guessed."""

import time

import psutil
import torch

from lesionkit.learn.losses import detection_loss
from lesionkit.learn.precision import PrecisionSetting, arithmetic
from lesionkit.nets.nodule_net import NoduleNet

SIZES = (2, 4, 8, 16, 32)
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
    probe = NoduleNet(net.settings).to(device)
    probe.load_state_dict(net.state_dict())
    dtype = _TYPES[arithmetic(precision, device)]
    rates: dict[int, float] = {}
    for size in SIZES:
        if rates and _bytes_per_patch(patch) * size > _MEMORY_SHARE * _free_bytes(device):
            break
        try:
            rates[size] = size / _seconds(probe, size, patch, dtype, device)
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            break
    best = max(rates.values())
    return min(size for size, rate in rates.items() if rate >= _GOOD_ENOUGH * best)


def _seconds(net: NoduleNet, size: int, patch: int, dtype: torch.dtype | None, device: torch.device) -> float:
    """One step of training after one to warm up."""
    cells = patch // net.stride
    heat = torch.zeros(size, cells, cells, cells, device=device)
    regression = torch.zeros(size, 4, cells, cells, cells, device=device)
    nowhere = torch.zeros(size, cells, cells, cells, dtype=torch.bool, device=device)
    took = 0.0
    for _ in range(2):
        volume = torch.randn(size, 1, patch, patch, patch, device=device)
        start = time.perf_counter()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            output = net(volume)
        torch.autograd.backward(detection_loss(output, heat, regression, nowhere, nowhere).total)
        net.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        took = time.perf_counter() - start
    return took


def _bytes_per_patch(patch: int) -> int:
    """Activations kept for the backward pass: about 60 values of 4 bytes per sample of the patch, measured."""
    return int(patch**3 * 60 * 4)


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
