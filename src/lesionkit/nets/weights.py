"""A model file: safetensors weights with settings, data, versions and limits in its header."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.nets.nodule_net import NoduleNet, NoduleNetSettings


def save_model(path: Path, net: NoduleNet, card: Mapping[str, Any]) -> Path:
    """Write weights as float16 with the net's settings and `card` (what JSON can hold) in the header."""
    state = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().cpu()
        for name, tensor in net.state_dict().items()
    }
    header = {"format": "lesionkit-1", "net": net.settings.model_dump_json(), "card": json.dumps(dict(card))}
    with replacing(path) as temporary:
        save_file(state, temporary, metadata=header)
        # safetensors makes files that only their owner may read.
        temporary.chmod(0o644)
    return Path(path)


def load_model(path: Path) -> tuple[NoduleNet, dict[str, Any]]:
    """The net in evaluation mode and its card. Inverse of `save_model` up to float16 rounding.

    Raises:
        LesionkitError: the file is missing, damaged or not a lesionkit model.
    """
    path = Path(path)
    if not path.is_file():
        raise LesionkitError(f"no model at {path}; give --model a .safetensors file or a run folder that has one")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            names: list[str] = list(file.keys())
            state = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise LesionkitError(
            f"{path} must be a safetensors model, but cannot be read ({error}); copy it again"
        ) from error
    if header.get("format") != "lesionkit-1":
        raise LesionkitError(f"{path} is no lesionkit model: its header says format {header.get('format')!r}")
    net = NoduleNet(NoduleNetSettings.model_validate_json(header["net"]))
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    net.eval()
    card: dict[str, Any] = json.loads(header["card"])
    return net, card


def pick_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes CUDA, then Apple's MPS, then the CPU."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
