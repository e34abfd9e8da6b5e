"""A model file: safetensors weights with settings, data, versions and limits in its header."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.settings import Settings
from lesionkit.nets.nodule_net import NoduleNet


class SavedNet(Protocol):
    """A network that can be written to a model file and built again from its settings."""

    settings_type: ClassVar[type[Settings]]

    @property
    def settings(self) -> Settings:
        """What the network is built from."""
        ...

    def state_dict(self) -> dict[str, Any]: ...


N = TypeVar("N", bound=torch.nn.Module)


def save_model(path: Path, net: SavedNet, card: Mapping[str, Any]) -> Path:
    """Write weights as float16 with the net's kind, its settings and `card` (what JSON can hold) in the header."""
    state = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().cpu()
        for name, tensor in net.state_dict().items()
    }
    header = {
        "format": "lesionkit-1",
        "kind": type(net).__name__,
        "net": net.settings.model_dump_json(),
        "card": json.dumps(dict(card)),
    }
    with replacing(path) as temporary:
        save_file(state, temporary, metadata=header)
        # safetensors makes files that only their owner may read.
        temporary.chmod(0o644)
    return Path(path)


def load_model(path: Path) -> tuple[NoduleNet, dict[str, Any]]:
    """The nodule detector of a file and its card; see `load_net`."""
    return load_net(path, NoduleNet)


def load_net(path: Path, kind: type[N]) -> tuple[N, dict[str, Any]]:
    """The net in evaluation mode and its card. Inverse of `save_model` up to float16 rounding.

    Nothing is downloaded: the weights are all in the file.

    Args:
        kind: class of the network, as it was saved.

    Raises:
        LesionkitError: the file is missing, damaged, not a lesionkit model or one of another kind.
    """
    header, state = _contents(Path(path))
    saved = header.get("kind", NoduleNet.__name__)
    if saved != kind.__name__:
        raise LesionkitError(f"{path} must hold a {kind.__name__}, got a {saved}; is --recipe that of the model?")
    settings_type: type[Settings] = vars(kind)["settings_type"]
    given = json.loads(header["net"])
    settings = settings_type.parse({**given, **({"pretrained": False} if "pretrained" in given else {})})
    net = kind(settings)
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    net.eval()
    card: dict[str, Any] = json.loads(header["card"])
    return net, card


def read_card(path: Path) -> dict[str, Any]:
    """What a model file says of itself: settings, data, versions, figures.

    Raises:
        LesionkitError: the file is missing, damaged or not a lesionkit model.
    """
    card: dict[str, Any] = json.loads(_contents(Path(path), weights=False)[0]["card"])
    return card


def _contents(path: Path, weights: bool = True) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    if not path.is_file():
        raise LesionkitError(f"no model at {path}; give --model a .safetensors file or a run folder that has one")
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, str] = file.metadata() or {}
            names: list[str] = list(file.keys())
            state = {name: file.get_tensor(name) for name in names if weights}
    except (SafetensorError, OSError) as error:
        raise LesionkitError(
            f"{path} must be a safetensors model, but cannot be read ({error}); copy it again"
        ) from error
    if header.get("format") != "lesionkit-1":
        raise LesionkitError(f"{path} is no lesionkit model: its header says format {header.get('format')!r}")
    return header, state


def pick_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes CUDA, then Apple's MPS, then the CPU."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
