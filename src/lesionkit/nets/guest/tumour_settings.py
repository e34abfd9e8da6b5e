"""What MONAI's tumour bundle says of its network for slides."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.nets.guest.config import BundleConfig, numbers

ENCODERS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
CAMELYON_UM = 0.243
"""µm per pixel at level 0 of most slides of CAMELYON16; bundles do not say theirs. Others of it have 0.226."""


class TumourSettings(Settings):
    """A ResNet of torchvision that is fully convolutional, as `TorchVisionFCModel` makes it."""

    encoder: str = "resnet18"
    pool: int = Field(default=7, ge=1)
    """Cells of the encoder whose mean a logit is of."""
    patch: int = Field(default=224, ge=32)
    """Pixels that it was trained on, on a side."""
    um: float = Field(default=CAMELYON_UM, gt=0)
    """µm per pixel."""


def tumour_settings(config: BundleConfig, metadata: Mapping[str, Any]) -> TumourSettings:
    """The settings that the inference config of a bundle with a `TorchVisionFCModel` holds.

    Raises:
        LesionkitError: it is another network, scales colours otherwise, or is not known to be of CAMELYON.
    """
    net = {name: config.plain(value) for name, value in (config.component("TorchVisionFCModel") or {}).items()}
    encoder, classes = net.get("model_name", "resnet18"), net.get("num_classes", 1)
    if encoder not in ENCODERS or classes != 1 or net.get("use_conv") is not True:
        raise LesionkitError(
            f"{config.path}: the network must be a ResNet with one output and use_conv, got {encoder}, {classes} and "
            f"{net.get('use_conv')}; others are not run"
        )
    pool = net.get("pool", ["avg", {"kernel_size": 7, "stride": 1}])
    if not (isinstance(pool, list) and len(pool) == 2 and pool[0] == "avg" and pool[1].get("stride") == 1):
        raise LesionkitError(f"{config.path}: the pool must be a mean of stride 1, got {pool}; others are not run")
    scale = config.component("ScaleIntensityRanged") or {}
    given = numbers([config.plain(scale.get(name)) for name in ("a_min", "a_max", "b_min", "b_max")], 4)
    if list(given or ()) != [0, 255, -1, 1]:
        raise LesionkitError(
            f"{config.path}: colours of 0 to 255 must become -1 to 1 (ScaleIntensityRanged), got {given}"
        )
    source = str(metadata.get("data_source", ""))
    if "camelyon" not in source.lower():
        raise LesionkitError(
            f"{config.path} does not say at how many µm per pixel the network learned, and its data "
            f"({source or 'not told'}) are not CAMELYON's; describe the model by a lesionkit.yaml with its spacing"
        )
    side = config.plain(config.values.get("patch_size"))
    return TumourSettings.parse(
        {
            "encoder": encoder,
            "pool": pool[1].get("kernel_size"),
            **({"patch": int(side[0])} if numbers(side, 2) else {}),
        }
    )
