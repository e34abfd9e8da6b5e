"""Whether there is a nodule in the middle of a cube of CT."""

from typing import ClassVar, cast

from torch import Tensor, nn

from lesionkit.core.settings import Settings
from lesionkit.nets.cube.cube_net_settings import CubeNetSettings
from lesionkit.nets.cube.densenet import Densenet
from lesionkit.nets.cube.inception import WIDTH, Inception
from lesionkit.nets.cube.resnet import Resnet
from lesionkit.nets.cube.vgg import FULL, SIMPLE, Vgg

_FIRST = 16


class CubeNet(nn.Module):
    """Maps cubes (b, 1, z, y, x), scaled to about -1..1, to logits (b,); system 0 has sides of 32 samples.

    The softmax over two classes is kept as published; the logit is their difference, which is the same probability.
    """

    settings_type: ClassVar[type[Settings]] = CubeNetSettings

    def __init__(self, settings: CubeNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or CubeNetSettings()
        self.body = _body(self.settings)

    def forward(self, cube: Tensor) -> Tensor:
        """See the class."""
        two = self.body(cube)
        return cast(Tensor, two[:, 1] - two[:, 0])


def _body(settings: CubeNetSettings) -> nn.Module:
    def maps(count: int) -> int:
        return max(4, round(count * settings.width))

    match settings.architecture:
        case "vgg simple":
            return Vgg(tuple((maps(n), k) for n, k in SIMPLE), settings.norm, settings.dropout)
        case "vgg full":
            return Vgg(tuple((maps(n), k) for n, k in FULL), settings.norm, settings.dropout)
        case "inception":
            return Inception(maps(WIDTH), settings.blocks, settings.shrink, settings.separable, settings.dropout)
        case "resnet":
            return Resnet(maps(_FIRST), settings.bottlenecks)
        case "densenet":
            one = settings
            return Densenet(maps(_FIRST), one.layers, one.growth, one.narrow, one.compression, one.dropout)
