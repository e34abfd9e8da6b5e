"""In which precision a machine computes fastest: measured once, and remembered beside the store."""

import contextlib
import hashlib
import json
import platform
import time
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from lesionkit.core.cache_root import cache_root
from lesionkit.core.files import write_text

Precision = Literal["fp32", "bf16"]

MEASURED = "precision.json"
_GAIN = 0.9
_REPEATS = 5
_LONGEST_S = 0.05


def pick_precision(name: Literal["auto", "bf16", "fp32"], device: torch.device) -> Precision:
    """The precision to compute in.

    Args:
        name: auto takes bf16 on CUDA where the chip has it, on a processor where it is measured to be faster, and fp32
            elsewhere: a processor without bf16 emulates it, and takes up to 24 times as long.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return _of_this_processor(cache_root()) if device.type == "cpu" else "fp32"


@lru_cache(maxsize=4)
def _of_this_processor(root: Path) -> Precision:
    """What was measured on a processor like this with this torch, or is measured now: some tenths of a second."""
    file, key = root / MEASURED, _machine()
    known = _read(file)
    if known.get(key) not in ("fp32", "bf16"):
        known[key] = measured_precision()
        # A folder that cannot be written to costs a measurement per process, no more.
        with contextlib.suppress(OSError):
            write_text(file, json.dumps(known, indent=1) + "\n")
    return "bf16" if known[key] == "bf16" else "fp32"


def measured_precision() -> Precision:
    """bf16 where it takes at most 90 % of the time that fp32 takes in this process, over 2-D and 3-D convolutions."""
    state = torch.random.get_rng_state()
    flat, deep = nn.Conv2d(32, 32, 3, padding=1), nn.Conv3d(16, 16, 3, padding=1)
    torch.random.set_rng_state(state)
    layers: tuple[tuple[nn.Module, tuple[int, ...]], ...] = ((flat, (1, 32, 48, 48)), (deep, (1, 16, 12, 12, 12)))
    seconds = {"fp32": 0.0, "bf16": 0.0}
    with torch.inference_mode():
        for layer, shape in layers:
            for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
                seconds[name] += _seconds(layer.to(dtype), torch.ones(shape, dtype=dtype))
    return "bf16" if seconds["bf16"] <= _GAIN * seconds["fp32"] else "fp32"


def _seconds(layer: nn.Module, x: torch.Tensor) -> float:
    """The least of up to five times after one to warm up: what else the machine does only adds to it."""
    layer(x)
    times: list[float] = []
    while len(times) < _REPEATS and sum(times) < _LONGEST_S:
        start = time.perf_counter()
        layer(x)
        times.append(time.perf_counter() - start)
    return min(times)


def _machine() -> str:
    """Processor and torch, as a key."""
    capability = torch.backends.cpu.get_cpu_capability()
    said = (platform.machine(), platform.processor(), _model(), capability, torch.__version__)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    # Flags too: an emulator may hide them from one and the same model.
    return "".join(next((line for line in lines if line.startswith(word)), "") for word in ("model name", "flags"))


def _read(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(known) if isinstance(known, dict) else {}
