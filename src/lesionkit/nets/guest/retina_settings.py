"""What MONAI's lung-nodule bundle says of its network, its input and how its boxes are chosen."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.nets.guest.config import BundleConfig, Call, numbers

BACKBONES = ("resnet10", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
Three = tuple[int, int, int]


class RetinaSettings(Settings):
    """A RetinaNet of MONAI's parts and what surrounds it; axes are (x, y, z) of RAS, as in the bundle's configs."""

    backbone: str = "resnet50"
    channels: int = Field(default=1, ge=1, le=64)
    stem_stride: Three = (2, 2, 1)
    stem_size: Three = (7, 7, 7)
    layers: tuple[int, ...] = (1, 2)
    """Of the backbone, whose maps the pyramid is built on; one more level is thinned out of the last."""
    pyramid: int = Field(default=256, multiple_of=8, ge=8, le=4096)
    """Maps of each level; MONAI's constructor has 256."""
    classes: int = Field(default=1, ge=1, le=1000)
    divisible: Three = (16, 16, 8)
    """Sides of what the network sees are multiples of these."""
    anchors: tuple[tuple[float, float, float], ...] = ((6, 8, 4), (8, 6, 5), (10, 10, 6))
    """Sides in samples, of the finest level."""
    anchor_scales: tuple[float, ...] = (1, 2, 4)
    score: float = Field(default=0.02, ge=0, le=1)
    """Lowest of a box."""
    per_level: int = Field(default=1000, ge=1)
    """Boxes kept of each level before they are compared."""
    overlap: float = Field(default=0.22, gt=0, le=1)
    """Of two boxes with a larger intersection over union the weaker is dropped."""
    most: int = Field(default=300, ge=1)
    """Boxes of an image."""
    spacing_mm: tuple[float, float, float] = (0.703125, 0.703125, 1.25)
    hu: tuple[float, float] = (-1024.0, 300.0)
    to: tuple[float, float] = (0.0, 1.0)
    """What these HU become; values beyond are cut off."""


def retina_settings(config: BundleConfig) -> RetinaSettings:
    """The settings that the inference config of a bundle with a RetinaNet holds.

    Raises:
        LesionkitError: it describes something else than a RetinaNet on a ResNet for CT, or does not say its spacing.
    """
    backbone = _call(config, "backbone", BACKBONES)
    extractor = _call(config, "feature_extractor", ("resnet_fpn_feature_extractor",))
    net = config.component("RetinaNet") or {}
    anchors = config.component("AnchorGeneratorWithAnchorShape")
    selector = _selector(config)
    if backbone is None or extractor is None or anchors is None:
        missing = "backbone" if backbone is None else "feature_extractor" if extractor is None else "anchor_generator"
        raise LesionkitError(
            f"{config.path}: '{missing}' must be that of a RetinaNet on a ResNet of MONAI, got "
            f"{str(config.values.get(missing))[:80]!r}; other detectors of bundles are not run"
        )
    layers = extractor.named.get("returned_layers", extractor.positional[3] if len(extractor.positional) > 3 else None)
    if layers != [1, 2]:
        raise LesionkitError(
            f"{config.path}: the pyramid must be built on layers [1, 2], got {layers}; others are not run"
        )
    given = {
        "backbone": backbone.name,
        "channels": backbone.named.get("n_input_channels"),
        "stem_stride": backbone.named.get("conv1_t_stride"),
        "stem_size": backbone.named.get("conv1_t_size"),
        "classes": config.plain(net.get("num_classes")),
        "divisible": config.plain(net.get("size_divisible")),
        "anchors": config.plain(anchors.get("base_anchor_shapes")),
        "anchor_scales": config.plain(anchors.get("feature_map_scales")),
        "score": selector.get("score_thresh"),
        "per_level": selector.get("topk_candidates_per_level"),
        "overlap": selector.get("nms_thresh"),
        "most": selector.get("detections_per_img"),
        **_input(config),
    }
    settings = RetinaSettings.parse({name: value for name, value in given.items() if value is not None})
    if settings.channels != 1 or settings.classes != 1:
        raise LesionkitError(
            f"{config.path}: a nodule detector takes one channel and has one class, got {settings.channels} and "
            f"{settings.classes}; is it a model for another kind of image?"
        )
    return settings


def _call(config: BundleConfig, name: str, wanted: tuple[str, ...]) -> Call | None:
    return next((call for call in config.calls(config.values.get(name)) if call.name in wanted), None)


def _selector(config: BundleConfig) -> Mapping[str, Any]:
    operations = config.values.get("detector_ops")
    for operation in operations if isinstance(operations, list) else []:
        for call in config.calls(operation):
            if call.name == "set_box_selector_parameters":
                return call.named
    return {}


def _input(config: BundleConfig) -> dict[str, Any]:
    """Spacing and intensity, from the transforms that prepare the input."""
    orientation, spacing, scale = (
        config.component(name) or {} for name in ("Orientationd", "Spacingd", "ScaleIntensityRanged")
    )
    axes = config.plain(orientation.get("axcodes"))
    if axes != "RAS":
        raise LesionkitError(f"{config.path}: the input must be turned to RAS (Orientationd), got {axes}")
    pixdim = numbers(config.plain(spacing.get("pixdim")), 3)
    if pixdim is None or min(pixdim) <= 0:
        raise LesionkitError(
            f"{config.path} must say the spacing of the input (Spacingd: pixdim, three lengths in mm), got "
            f"{config.plain(spacing.get('pixdim'))}; without it nodules would be seen at a wrong size"
        )
    ranges = [numbers([config.plain(scale.get(f"{side}_{end}")) for end in ("min", "max")], 2) for side in ("a", "b")]
    if None in ranges:
        raise LesionkitError(
            f"{config.path} must say how HU are scaled (ScaleIntensityRanged: a_min, a_max, b_min, b_max)"
        )
    return {"spacing_mm": pixdim, "hu": ranges[0], "to": ranges[1]}
