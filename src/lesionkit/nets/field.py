"""How far a net looks: measured, so that it holds for any architecture."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lesionkit.core.errors import LesionkitError

_LARGEST = 8192


class Reach(NamedTuple):
    """Pixels that one output depends on beyond its own.

    Attributes:
        before: to the left, rounded up to whole outputs.
        after: to the right.
    """

    before: int
    after: int


def measure_reach(net: nn.Module, stride: int, multiple: int) -> Reach:
    """How far beyond its own pixels each output of a net in evaluation mode looks.

    Half of a wide image is no number, and what comes out as no number has looked there: convolutions, pooling and
    activations all pass it on, whatever the weights are.

    Args:
        net: maps (b, 3, y, x) to (b, 1, y/stride, x/stride).
        multiple: sides of an image must be multiples of this.

    Raises:
        LesionkitError: every output depends on the whole image.
    """
    was_training = net.training
    net.eval()
    try:
        width = -(-256 // multiple) * multiple
        while width <= _LARGEST:
            width *= 2
            found = _reach(net, width, stride, multiple)
            if found is not None:
                return found
    finally:
        net.train(was_training)
    raise LesionkitError(
        "every output of this net depends on the whole window (squeeze and excitation, attention or a mean over the "
        "image), so dense and patch-wise results differ; take a plain convolutional net such as resnet18, or name the "
        "halo yourself"
    )


@torch.inference_mode()
def _reach(net: nn.Module, width: int, stride: int, multiple: int) -> Reach | None:
    weight = next(net.parameters())
    middle = width // 2 // multiple * multiple
    image = torch.zeros(2, 3, multiple, width, device=weight.device, dtype=weight.dtype)
    image[0, ..., middle:] = torch.nan
    image[1, ..., :middle] = torch.nan
    output: Tensor = net(image)
    looked = output.isnan().any(dim=1).any(dim=1)
    if looked[0, 0] or looked[1, -1]:
        return None
    after = middle // stride - int(looked[0].nonzero()[0])
    before = int(looked[1].nonzero()[-1]) + 1 - middle // stride
    return Reach(before * stride, after * stride)
