"""A radiograph of any size and bit depth -> the probability of a lesion at each of its pixels, and of any at all."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grey import to_grey
from lesionkit.core.grid import Box
from lesionkit.infer.fuse import RunningMean
from lesionkit.infer.lung_crop import LungCropSettings, lung_box, scaled_box
from lesionkit.infer.predict import predict
from lesionkit.infer.segment_settings import SegmentInferSettings
from lesionkit.nets.features import FeatureTap
from lesionkit.nets.precision import pick_precision
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.weights import pick_device


@dataclass(frozen=True)
class ModelFound:
    """What one network says of a whole image, for stacking.

    Attributes:
        p_nonempty: of its image head; None without one.
        highest: the largest probability of its mask.
    """

    p_nonempty: float | None
    highest: float


@dataclass(frozen=True, eq=False)
class Found2d:
    """What was found on one radiograph.

    Attributes:
        probability: float32 (y, x) in 0..1 of the lesion, at the radiograph's own size; 0 outside `lung_box`.
        p_nonempty: mean probability over the image heads that it holds a lesion at all; None without any head.
        models: of each network, in their order.
        features: what the first network saw, (1, c); (0, 0) of one that does not tell.
        lung_box: what was searched; None for the whole image.
        seconds: "lungs" (where a lung network is there) and "segment".
    """

    probability: NDArray[np.float32]
    p_nonempty: float | None
    models: tuple[ModelFound, ...] = ()
    lung_box: Box | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    features: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def score(self) -> float:
        """What ranks images: `p_nonempty`, or the largest probability of a pixel where no head says so."""
        return float(self.probability.max()) if self.p_nonempty is None else self.p_nonempty


class RadiographSegmenter:
    """Networks ready to search radiographs: folds × checkpoints × flip, optionally only within the lungs.

    Args:
        nets: each with its weight in the mean. They are moved to the device and put into evaluation mode.
        lung: a network that draws the lungs, and how its answer becomes a box; the radiograph is cut down to it and
            what is found is put back into a canvas of zeros (third place, rows 3.50 and 3.68).

    Raises:
        LesionkitError: no network, or a weight that is not positive.
    """

    def __init__(
        self,
        nets: Sequence[tuple[Segmenter, float]],
        settings: SegmentInferSettings | None = None,
        lung: tuple[Segmenter, LungCropSettings] | None = None,
    ) -> None:
        self.settings = settings = settings or SegmentInferSettings()
        if not nets:
            raise LesionkitError("a radiograph is searched by at least one network, got none; give a trained one")
        wrong = [weight for _, weight in nets if not weight > 0]
        if wrong:
            raise LesionkitError(f"the weight of a network must be positive, got {wrong[0]:g}; leave it out instead")
        self.device = pick_device(settings.device)
        self.precision = pick_precision(settings.precision, self.device)
        self.nets = tuple((self._ready(net), weight) for net, weight in nets)
        self.tap = FeatureTap(self.nets[0][0])
        self.lung = None if lung is None else (self._ready(lung[0]), lung[1])

    def __call__(self, image: NDArray[Any]) -> Found2d:
        """Search one radiograph.

        Args:
            image: (y, x), dense tissue bright, uint8 or uint16 over their whole range or floating values 0..1.

        Raises:
            LesionkitError: another shape or type.
        """
        grey, seconds = to_grey(image), {}
        start = time.perf_counter()
        box = None
        if self.lung is not None:
            box = self._lung_box(grey, *self.lung)
            seconds["lungs"] = time.perf_counter() - start
            start = time.perf_counter()
        searched = grey if box is None else grey[box]
        mean, models = RunningMean(), []
        self.tap.blocks()
        small = resized(searched, (self.settings.side, self.settings.side))
        for net, weight in self.nets:
            prediction = predict(net, small, self.settings.flip, self.precision)
            models.append(ModelFound(prediction.p_nonempty, float(prediction.probability.max())))
            mean.add(prediction, weight)
        self.tap.keep()
        probability = resized(mean.prediction.probability, searched.shape)
        if box is not None:
            canvas = np.zeros(grey.shape, np.float32)
            canvas[box] = probability
            probability = canvas
        seconds["segment"] = time.perf_counter() - start
        return Found2d(probability, mean.prediction.p_nonempty, tuple(models), box, seconds, self.tap.mean())

    def _ready(self, net: Segmenter) -> Segmenter:
        return net.eval().to(self.device).to(memory_format=torch.channels_last)

    def _lung_box(self, grey: NDArray[np.float32], net: Segmenter, settings: LungCropSettings) -> Box | None:
        small = resized(grey, (settings.side, settings.side))
        lungs = predict(net, small, self.settings.flip, self.precision).probability
        box = lung_box(lungs, settings)
        return None if box is None else scaled_box(box, lungs.shape, grey.shape)


def resized(values: NDArray[np.float32], shape: Sequence[int]) -> NDArray[np.float32]:
    """Values (y, x) in 0..1 at another size, bilinear between the centres of pixels; shrinking is antialiased.

    >>> resized(np.array([[0, 1, 0, 1]], np.float32), (1, 2)).astype(float).round(3).tolist()
    [[0.429, 0.571]]
    """
    if values.shape == tuple(shape):
        return values
    batch = torch.from_numpy(np.ascontiguousarray(values))[None, None]
    result = functional.interpolate(batch, size=tuple(shape), mode="bilinear", align_corners=False, antialias=True)
    return np.asarray(result[0, 0].clamp(0, 1).numpy(), np.float32)
