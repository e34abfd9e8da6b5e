"""ResNet-18 at half its width, for CPUs: what timm's ResNet is with these widths, without loading timm."""

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)
"""Maps at strides 4, 8, 16 and 32."""
_STEM = 16


class NarrowResNet(nn.Module):
    """ResNet-18 at half its width with a stem of three small convolutions: 2.8 million parameters.

    Weights have the names that timm's have, `ResNet(BasicBlock, (2, 2, 2, 2), channels=WIDTHS, stem_type="deep",
    stem_width=16)`, and start from the same random numbers; loading timm takes two seconds, though, which every search
    would pay. There are no ImageNet weights of it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = _Body(channels)
        self.out_channels = [channels, WIDTHS[0], *WIDTHS]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps at strides 1 (the image itself), 2, 4, 8, 16 and 32."""
        return [image, *self.net(image)]


class _Body(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        first = WIDTHS[0]
        self.conv1 = nn.Sequential(
            *[nn.Conv2d(channels, _STEM, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(_STEM)],
            *[nn.ReLU(inplace=True), nn.Conv2d(_STEM, _STEM, 3, padding=1, bias=False), nn.BatchNorm2d(_STEM)],
            *[nn.ReLU(inplace=True), nn.Conv2d(_STEM, first, 3, padding=1, bias=False)],
        )
        self.bn1 = nn.BatchNorm2d(first)
        self.layer1 = _stage(first, first, stride=1)
        self.layer2 = _stage(first, WIDTHS[1], stride=2)
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], stride=2)
        self.layer4 = _stage(WIDTHS[2], WIDTHS[3], stride=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for module in self.modules():
            if isinstance(module, _Block):
                # A block starts as its shortcut (Goyal et al. 2017).
                nn.init.zeros_(module.bn2.weight)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = self.bn1(self.conv1(image)).relu_()  # b c y/2 x/2
        maps = [x]
        x = nn.functional.max_pool2d(x, 3, stride=2, padding=1)  # b c y/4 x/4
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return maps


class _Block(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        beside = x if self.downsample is None else self.downsample(x)
        x = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu_()))
        return (x + beside).relu_()


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Two blocks; the first one changes the size, where it does, and its shortcut with it."""
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
    return nn.Sequential(_Block(inputs, outputs, stride, shortcut), _Block(outputs, outputs, 1, None))
