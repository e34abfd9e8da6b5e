"""A model file: safetensors weights with settings, data, versions and limits in its header."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from safetensors.torch import load_file, save_file

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.settings import Settings
from lesionkit.core.untrusted import reads
from lesionkit.nets.finite import refuse_not_finite
from lesionkit.nets.model_file import BESIDE, FORMAT, read_header
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
    """Write weights as float16 with the net's kind, its settings and `card` (what JSON can hold) in the header.

    A tensor with values beyond float16, as the running variance of a norm may have, is written as it is.

    Raises:
        LesionkitError: a weight is not finite.
    """
    state = {name: _halved(tensor).contiguous().cpu() for name, tensor in net.state_dict().items()}
    refuse_not_finite(Path(path), state, "written")
    header = {
        "format": FORMAT,
        "kind": type(net).__name__,
        "net": net.settings.model_dump_json(),
        "card": json.dumps(dict(card)),
    }
    with replacing(path) as temporary:
        save_file(state, temporary, metadata=header)
        # safetensors makes files that only their owner may read.
        temporary.chmod(0o644)
    return Path(path)


def _halved(tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    return half if half.isfinite().all() else tensor


def load_model(path: Path) -> tuple[NoduleNet, dict[str, Any]]:
    """The nodule detector of a file and its card; see `load_net`."""
    return load_net(path, NoduleNet)


@reads("a model")
def load_net(path: Path, kind: type[N]) -> tuple[N, dict[str, Any]]:
    """The net in evaluation mode and its card. Inverse of `save_model` up to float16 rounding.

    Nothing is downloaded: the weights are all in the file.

    Args:
        kind: class of the network, as it was saved.

    Raises:
        LesionkitError: the file is missing, damaged, not a lesionkit model, one of another kind, or holds NaN.
    """
    header = read_header(Path(path))
    saved = header.get("kind", NoduleNet.__name__)
    if saved != kind.__name__:
        raise LesionkitError(f"{path} must hold a {kind.__name__}, got a {saved}; is --recipe that of the model?")
    settings_type: type[Settings] = vars(kind)["settings_type"]
    given = json.loads(header["net"])
    settings = settings_type.parse({**given, **({"pretrained": False} if "pretrained" in given else {})})
    net = kind(settings)
    tensors = {name: value for name, value in load_file(path).items() if not name.startswith(BESIDE)}
    state = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    refuse_not_finite(Path(path), state, "read")
    net.load_state_dict(state)
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
