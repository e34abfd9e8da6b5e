"""MONAI's RetinaNet from its parts, as a bundle's config describes it."""

from pathlib import Path
from typing import Any

import torch
from monai.apps.detection.networks.retinanet_network import RetinaNet
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape
from monai.apps.detection.utils.box_coder import BoxCoder
from monai.apps.detection.utils.box_selector import BoxSelector
from monai.networks.blocks.backbone_fpn_utils import BackboneWithFPN
from monai.networks.nets import resnet
from torch import Tensor

from lesionkit.nets.guest.card import read_metadata
from lesionkit.nets.guest.retina_settings import RetinaSettings
from lesionkit.nets.guest.weights import fill


def make_retina(settings: RetinaSettings) -> Any:
    """An untrained network (`monai.apps.detection.networks.retinanet_network.RetinaNet`)."""
    backbone = getattr(resnet, settings.backbone)(
        spatial_dims=3,
        n_input_channels=settings.channels,
        conv1_t_stride=list(settings.stem_stride),
        conv1_t_size=list(settings.stem_size),
    )
    first = backbone.in_planes // 8
    extractor = BackboneWithFPN(
        backbone,
        {f"layer{layer}": str(number) for number, layer in enumerate(settings.layers)},
        [first * 2 ** (layer - 1) for layer in settings.layers],
        settings.pyramid,
        spatial_dims=3,
    )
    return RetinaNet(3, settings.classes, len(settings.anchors), extractor, settings.divisible)


def load_retina(path: Path, settings: RetinaSettings) -> Any:
    """The network of a bundle in evaluation mode.

    Args:
        path: its `models/model.pt`.

    Raises:
        LesionkitError: the weights are missing, damaged, or do not fit.
    """
    version = str(read_metadata(path.parent.parent).get("monai_version", ""))
    with torch.device("meta"):
        net = make_retina(settings)
    return fill(net, path, version)


class RetinaBoxes:
    """Cells of the maps -> boxes in samples (x, y, z), by MONAI's anchors, coder and selector."""

    def __init__(self, settings: RetinaSettings) -> None:
        self.settings = settings
        self.anchors = AnchorGeneratorWithAnchorShape(settings.anchor_scales, settings.anchors).cell_anchors
        self.coder = BoxCoder(weights=(1.0,) * 6)
        self.selector = BoxSelector(
            score_thresh=settings.score,
            topk_candidates_per_level=settings.per_level,
            nms_thresh=settings.overlap,
            detections_per_img=settings.most,
        )

    def decode(self, level: int, cells: Tensor, anchor: Tensor, shift: Tensor, stride: tuple[int, ...]) -> Tensor:
        """Boxes (n, 6) from corner to corner.

        Args:
            cells: (n, 3) indices (x, y, z) in the map of the level.
            anchor: (n,) which of the anchors.
            shift: (n, 6) what the network says of it.
        """
        step = torch.tensor(stride, dtype=torch.float32)
        centre = cells.float() * step + (step / 2).floor()
        reference = torch.cat([centre, centre], dim=1) + self.anchors[level][anchor]
        boxes: Tensor = self.coder.decode_single(shift.float(), reference)
        return boxes

    def chosen(self, boxes: list[Tensor], logits: list[Tensor], shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Boxes (k, 6) and scores (k,) that are left, strongest first.

        Args:
            boxes, logits: (n, 6) and (n,) of each level.
            shape: of the image, (x, y, z).
        """
        found, scores, _ = self.selector.select_boxes_per_image(boxes, [one[:, None] for one in logits], list(shape))
        return found, scores
