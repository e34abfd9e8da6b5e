"""Networks of others for slides, as `PatchNet`s: dense and strided over any window, instead of patch by patch."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from monai.networks.nets.torchvision_fc import TorchVisionFCModel
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.colours import IMAGENET
from lesionkit.nets.guest.card import guest_settings, read_metadata
from lesionkit.nets.guest.described_settings import DescribedSettings
from lesionkit.nets.guest.script import Outputs, load_script
from lesionkit.nets.guest.tumour_settings import TumourSettings
from lesionkit.nets.guest.weights import fill
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings

STRIDE = 32
"""Of torchvision's ResNets."""


class TumourBody(nn.Module):
    """`TorchVisionFCModel` with an output for every cell: (b, 3, y, x) in -1..1 to logits (b, 1, y/32, x/32).

    Output (i, j) is what the model says of the patch around the middle of cell (i, j), seen with its surroundings
    instead of padding: of a window of `patch` pixels alone it is the model's own, at the middle cell.
    """

    stride = multiple = STRIDE

    def __init__(self, model: Any, pool: int) -> None:
        super().__init__()
        self.features, self.last, self.pool = model.features, model.fc, pool

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        maps = self.features(image)
        # At the end of a window fewer cells are averaged; within its halo all of them are there.
        means = avg_pool2d(maps, self.pool, stride=1, padding=self.pool // 2, count_include_pad=False)
        return cast(Tensor, self.last(means))


class GuestNet(PatchNet):
    """A `PatchNet` around a body that was made elsewhere."""

    def __init__(self, body: nn.Module, settings: PatchNetSettings) -> None:
        nn.Module.__init__(self)
        self.settings, self.body, self.statistics = settings, body, IMAGENET
        self.stride, self.multiple = cast(int, body.stride), cast(int, body.multiple)


def make_tumour_model(settings: TumourSettings) -> Any:
    """An untrained `TorchVisionFCModel`; nothing is downloaded."""
    pool = ("avg", {"kernel_size": settings.pool, "stride": 1})
    return TorchVisionFCModel(settings.encoder, num_classes=1, use_conv=True, pool=pool, pretrained=False)


def load_guest_patch_net(path: Path) -> PatchNet:
    """The network for slides that a file of others stands for.

    Raises:
        LesionkitError: it is for another kind of image, or its weights are missing, damaged or do not fit.
    """
    given = guest_settings(path)
    if isinstance(given, TumourSettings):
        version = str(read_metadata(path.parent.parent).get("monai_version", ""))
        with torch.device("meta"):
            empty = make_tumour_model(given)
        model = fill(empty, path, version)
        return GuestNet(TumourBody(model, given.pool), PatchNetSettings(scaling="signed")).eval()
    if isinstance(given, DescribedSettings) and given.kind == "slide-metastasis":
        return DescribedNet(path, given).eval()
    raise LesionkitError(f"{path} must be a model for slides, got one for CT; is --recipe that of the model?")


class DescribedNet(PatchNet):
    """A `PatchNet` around a TorchScript or ONNX model; its outputs depend on `halo` pixels around, as it is described.

    Args:
        path: of its lesionkit.yaml.
    """

    def __init__(self, path: Path, given: DescribedSettings) -> None:
        nn.Module.__init__(self)
        self.settings, self.given = PatchNetSettings(scaling="none"), given
        # A network that is copied or moved is looked up by its parameters.
        self.body = nn.Linear(1, 1)
        self.run = load_script(path.parent / given.file, torch.device("cpu"))
        self.multiple, self.stride = given.multiple, _stride_of(self.run, given)

    def __deepcopy__(self, memo: dict[int, Any]) -> "DescribedNet":
        return self

    def forward(self, image: Tensor) -> Tensor:
        """See `PatchNet`."""
        (low, high), (first, last) = self.given.intensity.range, self.given.intensity.to
        values = ((image.float() * 255 - low) / (high - low)).clamp(0, 1) * (last - first) + first
        found = torch.from_numpy(_map(self.run(np.ascontiguousarray(values.cpu().numpy())), self.given))
        return found.logit(1e-6) if self.given.output == "probabilities" else found

    @property
    def context(self) -> int:
        """See `PatchNet`."""
        return -(-self.given.halo // self.multiple) * self.multiple


def _map(outputs: Outputs, given: DescribedSettings) -> NDArray[np.float32]:
    """The map among the outputs, (b, 1, y, x)."""
    found: NDArray[np.float32] = outputs[0] if outputs else np.zeros(0, np.float32)
    if len(found.shape) != 4 or found.shape[1] != 1:
        raise LesionkitError(
            f"{given.file} must give a map of shape (b, 1, y, x), got {found.shape}; has it one class?"
        )
    return found


def _stride_of(run: Any, given: DescribedSettings) -> int:
    """Pixels per cell, measured on a white window."""
    side = given.multiple * -(-256 // given.multiple)
    rows = int(_map(run(np.ones((1, 3, side, side), np.float32)), given).shape[2])
    if not rows or side % rows or given.multiple % (side // rows):
        raise LesionkitError(
            f"{given.file} must give a map with a whole number of pixels per cell, which divides multiple, got {rows} "
            f"cells of {side} pixels and a multiple of {given.multiple}; pad its convolutions, or correct multiple"
        )
    return side // rows
